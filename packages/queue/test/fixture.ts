import { z } from "zod";
import { defineJobs, job } from "../src/jobs/define.js";
import type { JobDefinition } from "../src/jobs/types.js";
import { memoryStore } from "../src/memory/store.js";
import type { QueueOptions } from "../src/queue/options.js";
import { createQueue } from "../src/queue/queue.js";
import type { Enqueued, EnqueueOptions, Queue } from "../src/queue/types.js";
import { type VirtualClock, virtualClock } from "../src/testing/virtual-clock.js";
import type { Handlers, Worker } from "../src/worker/types.js";
import { createWorker } from "../src/worker/worker.js";

interface Opened {
  readonly queue: Queue<typeof jobs>;
  readonly clock: VirtualClock;
}

/** A queue in memory, whose time the test moves. */
export function openQueue(options: Partial<QueueOptions> = {}): Opened {
  const clock = virtualClock();
  const queue = createQueue(jobs, { store: memoryStore({ durability: "none", clock }), ...options });
  return { queue, clock };
}

type Plain<Data, Output = unknown> = JobDefinition<Data, Data, Output>;

export const jobs: {
  readonly mail: Plain<{ to: string }>;
  readonly keyed: Plain<{ id: string }>;
  readonly report: Plain<number, { pages: number }>;
  readonly urgent: Plain<null>;
} = defineJobs({
  mail: job({
    input: z.object({ to: z.string() }),
    attempts: 3,
    backoff: { kind: "exponential", base: "1s", jitter: "none" },
    timeout: "30s",
  }),
  keyed: job({ input: z.object({ id: z.string() }), idempotencyKey: ({ id }) => id, idempotencyTtl: "1h" }),
  report: job({
    input: z.number(),
    output: z.object({ pages: z.number() }),
    version: 3,
    migrate: { 2: (old: string) => Number(old) },
  }),
  urgent: job({ input: z.null(), priority: "high", deadline: "10s", attempts: 1 }),
});

export const idle: Handlers<typeof jobs> = {
  mail: () => undefined,
  keyed: () => undefined,
  report: () => ({ pages: 1 }),
  urgent: () => undefined,
};

interface Started extends Opened {
  readonly worker: Worker;
  /** Enqueues the job `mail` for the tenant `acme`. */
  readonly mail: (to: string, more?: EnqueueOptions) => Promise<Enqueued>;
}

/** A queue in memory with a worker. The jitter of retries is half of the delay. */
export function startWorker(
  handlers: Partial<Handlers<typeof jobs>> = {},
  { concurrency = 10, ...options }: { readonly concurrency?: number } & Partial<QueueOptions> = {},
): Started {
  const { queue, clock } = openQueue(options);
  const worker = createWorker(queue, { ...idle, ...handlers }, { concurrency, random: () => 0.5 });
  const mail = (to: string, more: EnqueueOptions = {}) => queue.enqueue("mail", { to }, { tenantId: "acme", ...more });
  return { queue, clock, worker, mail };
}

/** Collects the messages of an event while `run` runs. */
export async function collect<T>(
  channel: { subscribe(listener: (message: T) => void): () => void },
  run: () => Promise<unknown>,
): Promise<T[]> {
  const messages: T[] = [];
  const stop = channel.subscribe((message) => void messages.push(message));
  try {
    await run();
    return messages;
  } finally {
    stop();
  }
}
