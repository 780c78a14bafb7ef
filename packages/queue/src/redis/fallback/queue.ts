import { StoreError } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import { createScriptRunner } from "@scale/core/redis";
import { Queue, type JobType } from "bullmq";
import type {
  AddOutcome,
  CancelOutcome,
  ConsumeOptions,
  Consumer,
  JobHandler,
  JobQuery,
  NewJob,
  OpenQueueOptions,
  Page,
  RedriveQuery,
  StoredQueue,
  TimerClock,
} from "../../store.js";
import type { JobCounts, JobState, StoredJob, TenantStats } from "../../types.js";
import { type BullmqConnection, duplicateFor, type IoredisClient } from "../connection.js";
import type { QueueContext } from "../context.js";
import { idempotencyId, segmentOf } from "../job-codec.js";
import { claim as claimScript } from "../scripts.gen.js";
import { createFallbackConsumer } from "./consumer.js";
import { dataOf, type FallbackData, type FallbackJob, storedOf } from "./record.js";
import { createVirtualTime } from "./virtual-time.js";

const STATES: Readonly<Record<JobState, readonly JobType[]>> = {
  waiting: ["prioritized", "waiting"],
  delayed: ["delayed"],
  active: ["active"],
  completed: ["completed"],
  cancelled: [],
  dead: ["failed"],
};
const CHUNK = 200;

export interface FallbackInput {
  readonly context: QueueContext;
  readonly options: OpenQueueOptions;
  readonly redis: IoredisClient;
  readonly name: string;
  readonly prefix: string;
}

/**
 * A queue over the public interface of a BullMQ that this package does not know. Order among tenants is a priority that the
 * producer computes: fair for the jobs of one process, and stale for those that come back by delay or retry. Caps, rates, pauses,
 * backlog limits and the cancellation of running jobs are lost; their calls reject.
 */
export function createFallbackQueue(input: FallbackInput): StoredQueue {
  return new FallbackQueue(input);
}

class FallbackQueue implements StoredQueue {
  readonly clock: TimerClock;
  readonly #input: FallbackInput;
  readonly #connection: BullmqConnection;
  readonly #queue: Queue<FallbackData, string>;
  readonly #virtualTime = createVirtualTime();
  readonly #consumers = new Set<Consumer>();

  constructor(input: FallbackInput) {
    this.clock = input.context.clock;
    this.#input = input;
    this.#connection = duplicateFor(input.redis, { maxRetriesPerRequest: 0 });
    this.#queue = new Queue(input.name, { connection: this.#connection, prefix: input.prefix });
    // Calls report the failures.
    this.#queue.on("error", () => undefined);
  }

  async add(jobs: readonly NewJob[]): Promise<readonly AddOutcome[]> {
    const [next] = await this.#queue.getJobs(["prioritized"], 0, 0, true);
    const outcomes: AddOutcome[] = [];
    for (const job of jobs) outcomes.push(await this.#addOne(job, next?.priority ?? 0));
    return outcomes;
  }

  async get(id: string): Promise<StoredJob | undefined> {
    const job = await this.#queue.getJob(segmentOf(id));
    return job === undefined ? undefined : storedOf(job, await job.getState());
  }

  async list({ state, tenantId, limit, cursor }: JobQuery): Promise<Page<StoredJob>> {
    const types = STATES[state];
    const items: StoredJob[] = [];
    for (let at = Number(cursor ?? 0); types.length > 0; at += CHUNK) {
      const jobs = (await this.#queue.getJobs([...types], at, at + CHUNK - 1)) as FallbackJob[];
      for (const [i, job] of jobs.entries()) {
        if (tenantId !== undefined && job.data.record.tenantId !== tenantId) continue;
        if (items.length === limit) return { items, cursor: String(at + i) };
        items.push(storedOf(job, types[0] ?? ""));
      }
      if (jobs.length < CHUNK) break;
    }
    return { items };
  }

  async counts(): Promise<JobCounts> {
    const counts = await this.#queue.getJobCounts("waiting", "prioritized", "delayed", "active", "failed");
    const of = (type: string): number => counts[type] ?? 0;
    const waiting = of("waiting") + of("prioritized");
    return { waiting, delayed: of("delayed"), active: of("active"), dead: of("failed") };
  }

  async tenantStats(tenantId: string): Promise<TenantStats> {
    const count = async (state: JobState): Promise<number> =>
      (await this.list({ state, tenantId, limit: 1000 })).items.length;
    const [waiting, delayed] = [await count("waiting"), await count("delayed")];
    const [active, dead] = [await count("active"), await count("dead")];
    return { tenantId, waiting, delayed, active, dead, paused: false, oldestWaitMs: 0 };
  }

  listTenants(): Promise<never> {
    return Promise.reject(unavailable("the list of tenants"));
  }

  async cancel(id: string): Promise<CancelOutcome> {
    const job = await this.get(id);
    if (job === undefined) return "unknown";
    if (job.finishedAtMs !== undefined) return "finished";
    if (job.state === "active") throw unavailable("the cancellation of a job that runs");
    await this.#queue.remove(segmentOf(id));
    return "cancelled";
  }

  async cancelTenant(tenantId: string, limit: number): Promise<{ cancelled: number; cancelling: number }> {
    return { cancelled: await this.#removeSome(["waiting", "delayed"], tenantId, limit), cancelling: 0 };
  }

  pauseTenant(): Promise<never> {
    return Promise.reject(unavailable("the pause of a tenant"));
  }

  async resumeTenant(): Promise<void> {
    // No tenant can be paused.
  }

  setShare(): Promise<never> {
    return Promise.reject(unavailable("a share without a job"));
  }

  async redrive({ ids, tenantId, name, diedBeforeMs, max }: RedriveQuery): Promise<{ readonly moved: number }> {
    const { items } = await this.list({ state: "dead", limit: max, ...(tenantId !== undefined && { tenantId }) });
    const wanted = items.filter(
      (job) =>
        (ids === undefined || ids.includes(job.id)) &&
        (name === undefined || job.name === name) &&
        (job.finishedAtMs ?? 0) < diedBeforeMs,
    );
    for (const { id } of wanted) await this.#retry(id);
    return { moved: wanted.length };
  }

  purgeTenant(tenantId: string, limit: number): Promise<number> {
    return this.#removeSome(["waiting", "delayed", "dead", "completed"], tenantId, limit);
  }

  async claim(key: string, owner: string, ttlMs: number): Promise<boolean> {
    const { connection, timeoutMs, keyPrefix } = this.#input.context;
    const runner = createScriptRunner({ redis: connection, timeoutMs });
    const keys = [`${keyPrefix}fair:k:${keySegment(key)}`];
    return (await runner.run(claimScript, { keys, args: [owner, String(ttlMs)] })) === 1;
  }

  async ping(): Promise<void> {
    await this.#queue.getJobCounts("active");
  }

  consume(handler: JobHandler, options: ConsumeOptions): Consumer {
    const { name, prefix, redis, context } = this.#input;
    const consumer = createFallbackConsumer({ name, prefix, redis, clock: context.clock, handler, options });
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#queue.close();
    this.#connection.disconnect();
    await this.#input.context.close();
  }

  async #addOne(job: NewJob, current: number): Promise<AddOutcome> {
    const jobId = segmentOf(job.id);
    if ((await this.#queue.getJob(jobId)) !== undefined) return { kind: "deduplicated", id: job.id };
    const { finished, dead } = this.#input.options.retention;
    const deduplication = job.idempotency && { id: idempotencyId(job), ttl: job.idempotency.ttlMs };
    const { tenantId, cost, share } = job;
    const added = await this.#queue.add(job.name, dataOf(job), {
      ...{ jobId, attempts: 1, timestamp: job.enqueuedAtMs },
      removeOnComplete: { count: finished.count, age: finished.ageMs / 1000 },
      removeOnFail: { count: dead.count, age: dead.ageMs / 1000 },
      priority: this.#virtualTime.priorityOf({ tenantId, cost, weight: share.weight }, current),
      delay: Math.max((job.runAtMs ?? 0) - job.enqueuedAtMs, 0),
      ...(deduplication !== undefined && { deduplication }),
    });
    if (added.id === jobId) return { kind: "stored", id: job.id };
    const first = await this.#queue.getJob(added.id ?? "");
    return { kind: "deduplicated", id: first?.data.record.id ?? job.id };
  }

  async #retry(id: string): Promise<void> {
    const job = await this.#queue.getJob(segmentOf(id));
    if (job === undefined) return;
    const { deadlineAtMs: _deadline, ...record } = job.data.record;
    await job.updateData({ record, attemptsMade: 0 });
    await job.retry("failed");
  }

  async #removeSome(states: readonly JobState[], tenantId: string, limit: number): Promise<number> {
    let removed = 0;
    for (const state of states) {
      const { items } = await this.list({ state, tenantId, limit: limit - removed });
      for (const { id } of items) removed += await this.#queue.remove(segmentOf(id));
      if (removed >= limit) return removed;
    }
    return removed;
  }
}

function unavailable(what: string): StoreError {
  const reason = "the installed BullMQ is not one that this version of @scale/queue knows";
  return new StoreError(`${what} is not available: ${reason}; install bullmq ~6.7`, { notSent: true });
}
