import { randomUUID } from "node:crypto";
import type { Consumer, NewJob, StoredQueue, TenantShare } from "@scale/queue";
import { redisStore } from "@scale/queue/redis";
import { DelayedError, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

/** Result of a handler: done after `ms`, or due again at `retryAtMs`. */
export type Outcome =
  | { readonly kind: "done"; readonly usedMs: number }
  | { readonly kind: "retry"; readonly atMs: number };

export interface BenchJob {
  readonly tenantId: string;
  readonly attempt: number;
}

export interface AddOptions {
  readonly dueAtMs?: number;
  readonly share?: Partial<TenantShare>;
}

export interface WorkOptions {
  readonly concurrency: number;
  readonly leaseMs?: number;
  readonly run: (job: BenchJob) => Outcome | Promise<Outcome>;
}

/** A queue in the bench: BullMQ alone, or ours. */
export interface Contender {
  readonly name: string;
  add(tenantIds: readonly string[], options?: AddOptions): Promise<void>;
  /** Starts to run jobs. */
  work(options: WorkOptions): Promise<void>;
  /** Ends the worker and frees the connections. */
  close(): Promise<void>;
}

const SHARE: TenantShare = { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity };
const BATCH = 1000;
const PAYLOAD = { text: "x".repeat(80) };

/** Calls `add` with batches of the list, one after the other. */
async function inBatches<T>(list: readonly T[], add: (batch: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < list.length; i += BATCH) await add(list.slice(i, i + BATCH));
}

export interface OursOptions {
  readonly charge?: "count" | "time";
  readonly name?: string;
}

export function ours(url: string, { charge = "count", name = `bench-${randomUUID()}` }: OursOptions = {}): Contender {
  const redis = new Redis(url, { lazyConnect: true });
  const store = redisStore({ redis, timeoutMs: 30_000 });
  const queue: StoredQueue = store.open({
    ...{ name, charge },
    retention: { finished: { count: 0, ageMs: 0 }, dead: { count: 0, ageMs: 0 } },
  });
  let consumer: Consumer | undefined;
  const payload = JSON.stringify(PAYLOAD);
  return {
    name: "ours",
    add: (tenantIds, { dueAtMs, share } = {}) =>
      inBatches(tenantIds, (batch) => {
        const enqueuedAtMs = Date.now();
        const jobs = batch.map(
          (tenantId): NewJob => ({
            ...{
              id: randomUUID(),
              name: "job",
              version: 1,
              payload,
              tenantId,
              priority: "normal",
              cost: 1,
              enqueuedAtMs,
            },
            ...{ maxAttempts: 3, maxCrashes: 3, share: { ...SHARE, ...share } },
            ...(dueAtMs !== undefined && { runAtMs: dueAtMs }),
          }),
        );
        return queue.add(jobs);
      }),
    async work({ concurrency, leaseMs = 7000, run }) {
      consumer = queue.consume(
        {
          async run({ job }) {
            const outcome = await run({ tenantId: job.tenantId, attempt: job.attemptsMade + 1 });
            if (outcome.kind === "done") return { kind: "completed", usedMs: outcome.usedMs };
            const failure = { name: "Error", message: "again" };
            return { kind: "retry", usedMs: 0, atMs: outcome.atMs, attemptsMade: job.attemptsMade + 1, failure };
          },
          settled: () => undefined,
          failed: () => undefined,
        },
        { concurrency, leaseMs },
      );
      await consumer.ready();
    },
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}

export function plain(url: string, { name = `bench-${randomUUID()}` }: Pick<OursOptions, "name"> = {}): Contender {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection });
  let worker: Worker | undefined;
  return {
    name: "BullMQ",
    add: (tenantIds, { dueAtMs } = {}) =>
      inBatches(tenantIds, (batch) => {
        const delay = dueAtMs === undefined ? {} : { delay: Math.max(dueAtMs - Date.now(), 1) };
        const opts = { removeOnComplete: true, ...delay };
        return queue.addBulk(batch.map((tenantId) => ({ name: "job", data: { ...PAYLOAD, tenantId }, opts })));
      }),
    async work({ concurrency, leaseMs, run }) {
      const lease = leaseMs === undefined ? {} : { lockDuration: leaseMs, stalledInterval: leaseMs / 4 };
      worker = new Worker(
        name,
        async (job, token) => {
          const { tenantId } = job.data as { tenantId: string };
          const outcome = await run({ tenantId, attempt: job.attemptsStarted });
          if (outcome.kind === "done") return;
          await job.moveToDelayed(outcome.atMs, token);
          throw new DelayedError();
        },
        { connection, concurrency, ...lease },
      );
      await worker.waitUntilReady();
    },
    async close() {
      await worker?.close(true);
      await queue.close();
      connection.disconnect();
    },
  };
}
