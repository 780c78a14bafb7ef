import type { Duration } from "@scale/core";
import type { JobInput, JobName, Jobs } from "../jobs/types.js";
import type { Schedule, ScheduleOptions } from "../schedules/types.js";
import type { AddOutcome, CancelOutcome, JobQuery, OutboxJob, Page, StoredQueue } from "../store.js";
import type { TraceBridge } from "../trace.js";
import type { JobCounts, JobPriority, StoredJob, TenantStats } from "../types.js";

export interface EnqueueOptions {
  /** @default the tenant of the current work */
  readonly tenantId?: string;
  /** @default the user of the current work, if it runs for the same tenant */
  readonly userId?: string;
  /** Time before which the job does not run. */
  readonly delay?: Duration;
  /** Date before which the job does not run, instead of `delay`. */
  readonly runAt?: Date;
  /**
   * Time after which the job is not worth running, counted from when it is due; `"inherit"` takes the deadline of the current
   * work.
   * @default the deadline of the job's definition
   */
  readonly deadline?: Duration | "inherit";
  /** @default the priority of the job's definition */
  readonly priority?: JobPriority;
  /** @default the cost of the job's definition */
  readonly cost?: number;
  /** @default the result of the definition's `idempotencyKey` */
  readonly idempotencyKey?: string;
}

/** One job of `enqueueMany`. */
export type EnqueueRequest<J extends Jobs> = {
  [Name in JobName<J>]: { readonly name: Name; readonly data: JobInput<J[Name]> } & EnqueueOptions;
}[JobName<J>];

export interface Enqueued {
  /** Id of the job, or of the first job with the same idempotency key. */
  readonly id: string;
  /** True when the job was not stored because an earlier one has the same idempotency key. */
  readonly deduplicated: boolean;
}

export interface Enqueuing<J extends Jobs> {
  /**
   * Stores a job, for the tenant of the current work unless the options name another. When it resolves, the job is stored.
   * @throws {InputError} for data that the schema refuses or that JSON cannot hold, and for wrong options
   * @throws {PayloadTooLarge} for data of more than `maxPayloadBytes`
   * @throws {TenantError} without a tenant
   * @throws {TenantBacklogFull} when the tenant has as many waiting jobs as its share allows
   * @throws {PlanError} when the plan of the tenant cannot be looked up
   * @throws {StoreError} within `timeoutMs` when the store does not answer. Without `notSent` the job may be stored: enqueue
   * again with an idempotency key
   */
  enqueue<Name extends JobName<J>>(name: Name, data: JobInput<J[Name]>, options?: EnqueueOptions): Promise<Enqueued>;
  /**
   * Stores up to 1,000 jobs of any tenants with one call of the store. All are checked before one is stored. Each has its own
   * outcome: a full backlog refuses only the jobs of its tenant. After a StoreError some of the jobs may be stored: enqueue
   * again with idempotency keys.
   */
  enqueueMany(requests: readonly EnqueueRequest<J>[]): Promise<readonly AddOutcome[]>;
}

export interface Tenants {
  stats(tenantId: string): Promise<TenantStats>;
  /** Tenants that have jobs or are paused. */
  list(query?: { readonly limit?: number; readonly cursor?: string }): Promise<Page<TenantStats>>;
  /** Starts no job of the tenant until `resume`. Jobs that run go on, and jobs can still be enqueued. */
  pause(tenantId: string): Promise<void>;
  resume(tenantId: string): Promise<void>;
  /** Puts the share that the tenant has now in force; without a call the tenant's next enqueue does. */
  refresh(tenantId: string): Promise<void>;
  /** Cancels what runs and removes every job of the tenant and what else the queue knows of it. Resolves to the number of jobs. */
  purge(tenantId: string): Promise<number>;
}

export interface DeadQuery {
  readonly tenantId?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface RedriveOptions {
  readonly ids?: readonly string[];
  readonly tenantId?: string;
  /** Name of the jobs. */
  readonly job?: string;
  /**
   * Maximum jobs to move.
   * @default 1000
   */
  readonly max?: number;
  /**
   * Maximum jobs that are moved in a second.
   * @default no limit
   */
  readonly ratePerSec?: number;
  /** Ends the redrive with what was moved so far. */
  readonly signal?: AbortSignal;
}

export interface Dead {
  /** Dead jobs, the latest first. */
  list(query?: DeadQuery): Promise<Page<StoredJob>>;
  /**
   * Moves dead jobs back to the lines of their tenants, oldest first, with no attempts made. Jobs that died after the call
   * began stay dead. Resolves to the number of jobs.
   */
  redrive(options?: RedriveOptions): Promise<number>;
}

/** One queue for any number of tenants, whose jobs get service by the shares of their tenants. */
export interface Queue<J extends Jobs = Jobs> extends Enqueuing<J> {
  readonly name: string;
  readonly jobs: J;
  /**
   * Enqueues in the caller's transaction: the jobs are stored when it commits, and not when it rolls back. A store in a database
   * takes them at once; for others the `outbox` of the options does, and its relay enqueues them. Then `deduplicated` is false,
   * because that is decided when the job is relayed.
   * @param tx transaction of the client that the store or the outbox was made for
   * @throws {ConfigError} without either
   */
  in(tx: unknown): Enqueuing<J>;
  /** Cancels a job, in whichever process it runs. A job is either cancelled or completed, and never both. */
  cancel(id: string): Promise<CancelOutcome>;
  /** Cancels every job that the tenant has now. Resolves to the number of jobs that waited, and of those that run. */
  cancel(all: { readonly tenantId: string }): Promise<{ readonly cancelled: number; readonly cancelling: number }>;
  readonly tenants: Tenants;
  readonly dead: Dead;
  counts(): Promise<JobCounts>;
  get(id: string): Promise<StoredJob | undefined>;
  list(query: Omit<JobQuery, "limit"> & { readonly limit?: number }): Promise<Page<StoredJob>>;
  /**
   * Enqueues a job of each tenant at the times of a cron expression, from this process and every other that has the schedule: one
   * of them does it for each slot. Call it in the worker process.
   * @throws {ConfigError} for a wrong expression, time zone or option
   */
  schedule<Name extends JobName<J>>(name: string, options: ScheduleOptions<Name, JobInput<J[Name]>>): Schedule;
  /** Delivers the jobs of an outbox: the `deliver` function of its relay. */
  deliver(messages: readonly OutboxDelivery[]): Promise<readonly DeliveryFailure[]>;
  /** Ends the schedules of this process, and what the store opened. Drain the workers first. */
  close(): Promise<void>;
  /** The open queue of the store, for dashboards and relays. */
  readonly stored: StoredQueue;
  readonly trace: TraceBridge | undefined;
  readonly maxPayloadBytes: number;
}

/** Writes messages in the caller's transaction. The outboxes of `@scale/queue/outbox` satisfy it. */
export interface OutboxLike {
  write(tx: unknown, message: OutboxMessage): Promise<unknown>;
}

export interface OutboxMessage {
  /** `queue:` and the name of the queue. */
  readonly kind: string;
  readonly tenantId: string;
  readonly payload: OutboxJob;
  /** Id of the job. */
  readonly id: string;
}

/** A message of the outbox, as its relay delivers it. */
export interface OutboxDelivery {
  readonly id: string;
  readonly payload: unknown;
}

/** A message that could not be delivered: the relay tries it again, unless it is permanent. */
export interface DeliveryFailure {
  readonly id: string;
  readonly error: unknown;
  readonly permanent?: boolean;
}
