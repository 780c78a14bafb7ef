import type { Clock } from "@scale/core";
import type { JobCancelled, LeaseLost } from "./errors.js";
import type {
  DeadReason,
  JobCounts,
  JobFailure,
  JobRecord,
  JobState,
  StoredJob,
  TenantShare,
  TenantStats,
} from "./types.js";

/** A clock that can also wake its caller. `virtualClock` of `@scale/queue/testing` is one that tests move. */
export interface TimerClock extends Clock {
  /**
   * Calls `wake` once, `ms` milliseconds from now, outside of any tenant. The timer keeps the process alive only with
   * `keepAlive`.
   * @returns a function that cancels it
   */
  setTimer(wake: () => void, ms: number, options?: { readonly keepAlive?: boolean }): () => void;
}

/**
 * Where jobs live. One store serves any number of queues. `describeQueueStore` of `@scale/queue/testing` is its contract.
 * Every promise rejects with a `StoreError` when the backend cannot answer; `notSent: true` means that nothing was stored.
 */
export interface QueueStore {
  /** Opens a queue. Nothing is sent before the first call of the result. */
  open(options: OpenQueueOptions): StoredQueue;
}

export interface OpenQueueOptions {
  /** Any string of 1 to 100 characters. Queues of one name share their jobs. */
  readonly name: string;
  /** Unit of fairness: jobs (`cost` each), or milliseconds of running time as `Settlement.usedMs` measures them. */
  readonly charge: "count" | "time";
  readonly retention: Retention;
}

/** How long finished jobs can be read. The count is of the queue; what is older or in excess is removed, oldest first. */
export interface Retention {
  /** `completed` and `cancelled` jobs. A count of 0 removes them at once. */
  readonly finished: { readonly count: number; readonly ageMs: number };
  readonly dead: { readonly count: number; readonly ageMs: number };
}

/** A job to store, with the share of its tenant as it is now. The store remembers the last share of each tenant. */
export interface NewJob extends JobRecord {
  readonly share: TenantShare;
  /**
   * A second job of the same tenant, name and key is not stored for `ttlMs` after the first, whatever became of that one;
   * only `cancel` and `purgeTenant` release the key.
   */
  readonly idempotency?: { readonly key: string; readonly ttlMs: number };
}

/** A job in an outbox: the share of its tenant is looked up when it is relayed. Its JSON text reads as the same value. */
export type OutboxJob = Omit<NewJob, "share">;

/** Outcome of one job of `add`. */
export type AddOutcome =
  | { readonly kind: "stored"; readonly id: string }
  /** `id` is that of the first job. A job with an id that the queue holds already is deduplicated too. */
  | { readonly kind: "deduplicated"; readonly id: string }
  /** The tenant has `maxBacklog` jobs that are waiting or delayed. */
  | { readonly kind: "backlog-full"; readonly backlog: number; readonly maxBacklog: number };

/**
 * - `cancelled`: it was waiting or delayed, and will not run
 * - `cancelling`: it is running. Its signal aborts within a second, and its outcome is `cancelled` whatever the handler does
 * - `finished`: it was completed, dead or cancelled before, and stays so
 * - `unknown`: the queue has no such job, or not any more
 */
export type CancelOutcome = "cancelled" | "cancelling" | "finished" | "unknown";

export interface JobQuery {
  readonly state: JobState;
  readonly tenantId?: string;
  /** Integer from 1 to 1,000. */
  readonly limit: number;
  /** `cursor` of the page before. */
  readonly cursor?: string;
}

/** One page. Jobs that move while pages are read may be missed or seen twice. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface RedriveQuery {
  readonly ids?: readonly string[];
  readonly tenantId?: string;
  readonly name?: string;
  /** Only jobs that died before this wall time: a redrive does not meet its own jobs again. */
  readonly diedBeforeMs: number;
  /** Maximum jobs to move, an integer from 1 to 1,000. */
  readonly max: number;
  /** `cursor` of the call before. */
  readonly cursor?: string;
}

/** One open queue. No call does unbounded work: large tenants are walked in batches. */
export interface StoredQueue {
  /** The clock that the queue and its workers use. `systemTimerClock` for a store that talks to a server. */
  readonly clock: TimerClock;
  /** Jobs run inside of `add`, which takes as long as they do: the deadline of the queue does not apply to it. */
  readonly runsInline?: true;

  // Producers

  /**
   * Stores jobs, each with its own outcome, in this order: a tenant's jobs are stored until its backlog is full. A call that
   * rejects stored some first part of the jobs, which may be none or all. Due jobs join the line of their tenant; those with a later `runAtMs`
   * do so when it comes. Tenant shares of the jobs are in force for the next lease.
   */
  add(jobs: readonly NewJob[]): Promise<readonly AddOutcome[]>;
  /**
   * `add` inside of the caller's transaction: nothing is visible before its commit, and nothing is left after its rollback.
   * Only stores in a database have it. `backlog-full` is decided on what is committed.
   * @throws {InputError} for a `tx` of another kind than the store's
   */
  readonly addInTransaction?: (tx: unknown, jobs: readonly NewJob[]) => Promise<readonly AddOutcome[]>;

  // Producers, workers and operators

  get(id: string): Promise<StoredJob | undefined>;
  /** Newest first for finished states, next to run first for the others, as far as the backend knows the order. */
  list(query: JobQuery): Promise<Page<StoredJob>>;
  counts(): Promise<JobCounts>;
  /** Zeros for a tenant that the queue does not know. */
  tenantStats(tenantId: string): Promise<TenantStats>;
  /** Tenants that have a job in any of the counted states, or are paused. */
  listTenants(query: { readonly limit: number; readonly cursor?: string }): Promise<Page<TenantStats>>;

  cancel(id: string): Promise<CancelOutcome>;
  /**
   * Cancels up to `limit` jobs of the tenant: removes those that are waiting or delayed, and marks those that run. Resolves to how
   * many of each kind it was; their sum is lower than `limit` when no job is left to cancel. The queue calls it until then.
   */
  cancelTenant(tenantId: string, limit: number): Promise<{ readonly cancelled: number; readonly cancelling: number }>;
  /** No job of the tenant is leased until `resumeTenant`; jobs that run go on. Jobs can still be added. */
  pauseTenant(tenantId: string): Promise<void>;
  resumeTenant(tenantId: string): Promise<void>;
  /** Puts another share in force before the tenant's next job is added. */
  setShare(tenantId: string, share: TenantShare): Promise<void>;
  /**
   * Moves dead jobs, oldest first, to the end of the lines of their tenants: with no attempts made, no crashes and no deadline.
   * Looks at a bounded number of jobs. `cursor` is absent when no job is left to look at.
   */
  redrive(query: RedriveQuery): Promise<{ readonly moved: number; readonly cursor?: string }>;
  /**
   * Marks what runs as cancelled, and removes up to `limit` other jobs of the tenant in any state. Resolves to the number of
   * removed jobs. It is lower than `limit` when nothing of the tenant is left, idempotency keys, share and pause included, but
   * for the jobs that run. The queue calls it until then.
   */
  purgeTenant(tenantId: string, limit: number): Promise<number>;

  /**
   * Takes or renews a named lease for `ttlMs`. True for the first owner until the lease ends, and for that owner again.
   * Schedules use it so that one process enqueues the jobs of a slot.
   */
  claim(key: string, owner: string, ttlMs: number): Promise<boolean>;

  /** Resolves when the backend answers and can store. */
  ping(): Promise<void>;

  // Workers

  /** Starts to lease jobs at once. */
  consume(handler: JobHandler, options: ConsumeOptions): Consumer;

  /** Frees what the store opened for this queue. The application closes the client that it passed. */
  close(): Promise<void>;
}

export interface ConsumeOptions {
  /** Maximum jobs that run at once in this consumer, an integer >= 1. */
  readonly concurrency: number;
  /**
   * Milliseconds after which a lease that was not renewed ends. The store renews it while `run` is pending. A job of a dead
   * worker is leased again within 2 × `leaseMs`, at the head of its tenant's line, with `crashes` one higher.
   */
  readonly leaseMs: number;
}

/** The worker, as the store calls it. No function throws or rejects. */
export interface JobHandler {
  /** Runs one job. Called at most `concurrency` times at once. Pending until the job has to be settled, and never for ever. */
  run(lease: LeasedJob): Promise<Settlement>;
  /** Called once after each `run`, with what the store made of the settlement. */
  settled(job: StoredJob, settlement: Settlement, outcome: SettleOutcome): void;
  /** A failure that belongs to no job: the backend cannot be reached, for example. The store goes on trying. */
  failed(error: unknown): void;
}

export interface LeasedJob {
  /** `state` is `active`; `attemptsMade` and `crashes` are as they were before this run. */
  readonly job: StoredJob;
  readonly lease: LeaseEnd;
}

/** The end of a lease before its job was settled. `LeaseAbort` is one. */
export interface LeaseEnd {
  /**
   * Registers the one listener. It is called with a `JobCancelled` after `cancel` (within a second, from any process), and with a
   * `LeaseLost` when the lease ended and another worker may run the job; at once when that has happened before.
   */
  onAbort(listener: (reason: JobCancelled | LeaseLost) => void): void;
}

/** How a run ended. `usedMs` is the running time that `charge: "time"` charges to the tenant. */
export type Settlement = { readonly usedMs: number } & (
  | {
      readonly kind: "completed";
      /** JSON text; absent for a job without output. */
      readonly output?: string;
    }
  /**
   * The job is `delayed` until `atMs` (wall time) and then joins the line of its tenant. `attemptsMade` is stored as given: one
   * more after a failed attempt, the same when the attempt does not count.
   */
  | { readonly kind: "retry"; readonly atMs: number; readonly attemptsMade: number; readonly failure: JobFailure }
  /** The job failed for good. */
  | {
      readonly kind: "dead";
      readonly reason: DeadReason;
      readonly attemptsMade: number;
      readonly failure: JobFailure;
    }
  /** The worker drains: head of the tenant's line, at once, no attempt counted, no crash counted. */
  | { readonly kind: "handed-back" }
  /** Handed back, and no job of this tenant is leased before `untilMs` (wall time). */
  | { readonly kind: "throttled"; readonly untilMs: number }
);

/**
 * - `applied`: the job is what the settlement says
 * - `cancelled`: a `cancel` came first; the job is cancelled
 * - `lost`: the lease had ended; another worker decides about the job
 * - `failed`: the backend did not answer; it may have been applied. The job runs again when it was not
 */
export type SettleOutcome = "applied" | "cancelled" | "lost" | "failed";

export interface Consumer {
  /** Resolves when the first fetch was sent, rejects when the backend cannot be reached. */
  ready(): Promise<void>;
  /** Stops to lease. Resolves when `run` is not called any more; jobs that run go on and are settled. */
  stop(): Promise<void>;
  /**
   * Stops, waits for the settlements of all runs, and frees the connections of this consumer. The worker calls it when every
   * `run` has resolved; a run that is still pending loses its lease after `leaseMs`, as if the worker had died. Resolves within a
   * second also when the backend does not answer.
   */
  close(): Promise<void>;
}
