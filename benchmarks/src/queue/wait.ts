import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Line, percentile, type ProcessPool, startProcessPool, startRedis } from "@scale/testkit";
import { line } from "../gate.js";
import { type BenchJob, type Contender, type Outcome, ours, plain } from "./contenders.js";

const QUIET_TENANTS = 9;
const QUIET_JOBS = 90;
const CONCURRENCY = 50;

export interface WaitOptions {
  /** Jobs of the noisy tenant. */
  readonly noisy: number;
  /** Milliseconds in which a contender can add or start all of them. */
  readonly leadMs: number;
}

interface Stage extends WaitOptions {
  readonly contender: Contender;
  readonly url: string;
  readonly name: string;
  readonly start: (run?: (job: BenchJob) => Outcome, leaseMs?: number) => Promise<void>;
}

/** Puts the noisy tenant's jobs ahead, starts the worker, and resolves when the quiet tenants' jobs are to come. */
type Arrival = (stage: Stage) => Promise<() => Promise<void>>;

const DONE: Outcome = { kind: "done", usedMs: 1 };
const nothing = async (): Promise<void> => undefined;
const noisyJobs = (count: number): readonly string[] => Array.from({ length: count }, () => "noisy");

const ARRIVALS: Readonly<Record<string, Arrival>> = {
  "in the queue": async ({ contender, noisy, start }) => {
    await contender.add(noisyJobs(noisy));
    await start();
    return nothing;
  },
  "due at once after a delay": async ({ contender, noisy, leadMs, start }) => {
    const dueAtMs = Date.now() + leadMs;
    await contender.add(noisyJobs(noisy), { dueAtMs });
    await start();
    await sleep(Math.max(dueAtMs - Date.now(), 0) + 100);
    return nothing;
  },
  "due at once as retries": async ({ contender, noisy, leadMs, start }) => {
    await contender.add(noisyJobs(noisy));
    const atMs = Date.now() + 2 * leadMs;
    await start(({ tenantId, attempt }) => (tenantId === "noisy" && attempt === 1 ? { kind: "retry", atMs } : DONE));
    await sleep(Math.max(atMs - Date.now(), 0) + 100);
    return nothing;
  },
  "in the queue, 200 of them of a worker that was killed": async ({ contender, noisy, url, name, start }) => {
    await contender.add(noisyJobs(noisy));
    const pool: ProcessPool<unknown> = await startProcessPool({
      size: 1,
      script: new URL("../../../benchmarks/src/queue/hanging.worker.ts", import.meta.resolve("@scale/testkit")),
      args: { url, name, side: contender.name, jobs: 200, leaseMs: 1000 },
    });
    await pool.one(0, "hang");
    await pool.kill(0);
    await start(undefined, 1000);
    return () => pool.close();
  },
};

/** How long do quiet tenants' jobs wait while the worker has a noisy tenant's backlog, however that came about? */
export async function* wait(options: WaitOptions): AsyncIterable<Line> {
  const server = await startRedis();
  try {
    for (const [how, arrival] of Object.entries(ARRIVALS)) {
      const peer = await quietWaits(server.url, plain, { ...options, arrival });
      const own = await quietWaits(server.url, ours, { ...options, arrival });
      yield line({
        bench: `queue: jobs of quiet tenants, ${options.noisy} of a noisy one ${how}`,
        ...{ unit: "p95 ms", against: "BullMQ alone", ours: percentile(own, 0.95), peer: percentile(peer, 0.95) },
        ratio: percentile(own, 0.95) / percentile(peer, 0.95),
        gate: { atMost: 0.05 },
      });
    }
  } finally {
    await server.stop();
  }
}

type Make = (url: string, options: { readonly name: string }) => Contender;

async function quietWaits(
  url: string,
  make: Make,
  { noisy, leadMs, arrival }: WaitOptions & { readonly arrival: Arrival },
): Promise<readonly number[]> {
  const name = `bench-${randomUUID()}`;
  const contender = make(url, { name });
  const waits: number[] = [];
  // A tenant's jobs start in the order of their enqueue.
  const enqueued = new Map<string, number[]>();
  let onLast: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (onLast = resolve));
  const runs = (run: (job: BenchJob) => Outcome) => (job: BenchJob) => {
    const at = enqueued.get(job.tenantId)?.shift();
    if (at !== undefined) waits.push(performance.now() - at);
    if (waits.length === QUIET_JOBS) onLast();
    return run(job);
  };
  const start: Stage["start"] = (run = () => DONE, leaseMs) =>
    contender.work({ concurrency: CONCURRENCY, run: runs(run), ...(leaseMs !== undefined && { leaseMs }) });
  const end = await arrival({ contender, noisy, leadMs, url, name, start });
  for (let i = 0; i < QUIET_JOBS; i++) {
    const tenantId = `quiet-${i % QUIET_TENANTS}`;
    enqueued.set(tenantId, [...(enqueued.get(tenantId) ?? []), performance.now()]);
    await contender.add([tenantId]);
    await sleep(5);
  }
  await all;
  await end();
  await contender.close();
  return waits.sort((a, b) => a - b);
}
