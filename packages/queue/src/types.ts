/** Order among the jobs of one tenant. It never moves a job before those of another tenant. */
export type JobPriority = "high" | "normal" | "low";

/**
 * Where a job is.
 * - `waiting`: may be leased when it is the tenant's turn; jobs in the line of their tenant and of a paused tenant included
 * - `delayed`: waits for `runAtMs`, because of a delay, a schedule or a retry
 * - `active`: leased by a worker
 * - `completed`, `cancelled`: finished, kept as long as the retention says
 * - `dead`: failed for good, kept until it is redriven or the retention ends
 */
export type JobState = "waiting" | "delayed" | "active" | "completed" | "cancelled" | "dead";

/** Why a job is dead. */
export type DeadReason =
  /** The last allowed attempt failed. */
  | "attempts"
  /** The handler threw `Permanent`. */
  | "permanent"
  /** Its deadline passed before it was done. */
  | "expired"
  /** Workers died `maxCrashes` times while they ran it. */
  | "poison"
  /** The payload does not match the input schema, or its version cannot be migrated. */
  | "invalid"
  /** The queue of this worker has no such job. */
  | "unknown-job";

/** An error that a handler threw, as it is stored. The worker cuts its strings to a bound. */
export interface JobFailure {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

/** A job, from its enqueue to its end. Every field travels with the job; none changes. */
export interface JobRecord {
  /** UUID, unless the caller of the store chose another unique string. */
  readonly id: string;
  /** Name in `defineJobs`. */
  readonly name: string;
  /** Version of the payload's schema, an integer >= 1. */
  readonly version: number;
  /** JSON text. */
  readonly payload: string;
  /** Any string of 1 to 1,024 characters: it may contain `:`, `{}`, NUL or be `__proto__`. */
  readonly tenantId: string;
  readonly userId?: string;
  readonly priority: JobPriority;
  /** Units that the job takes of its tenant's share, above 0. Used with `charge: "count"`. */
  readonly cost: number;
  /** Attempts allowed, an integer >= 1. */
  readonly maxAttempts: number;
  /** Worker crashes allowed, an integer >= 0; one more makes the job `dead` with the reason `poison`. */
  readonly maxCrashes: number;
  /** Wall time in milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
  /** Wall time before which the job is not leased; absent: at once. */
  readonly runAtMs?: number;
  /** Wall time after which the job is not worth running. */
  readonly deadlineAtMs?: number;
  /** W3C trace context of the enqueue. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** A job with what has become of it so far. */
export interface StoredJob extends JobRecord {
  readonly state: JobState;
  /** Failed attempts so far. The attempt that runs is `attemptsMade + 1`. */
  readonly attemptsMade: number;
  /** How often the lease ended without a settlement: the worker died or lost the store. Does not count as an attempt. */
  readonly crashes: number;
  /** Wall time at which the present attempt is or was due. Absent before the first retry: `runAtMs` or `enqueuedAtMs` then. */
  readonly dueAtMs?: number;
  /** Wall time of the last lease. */
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** JSON text; only for `completed`. */
  readonly output?: string;
  /** Error of the last failed attempt. */
  readonly failure?: JobFailure;
  /** Only for `dead`. */
  readonly deadReason?: DeadReason;
}

/** A tenant's share of the queue, as the fairness scheduler reads it. */
export interface TenantShare {
  /** With weight 3 a tenant with a backlog gets three times the service of one with weight 1. Above 0, up to 1,000,000. */
  readonly weight: number;
  /** Maximum jobs of the tenant that run at once, in all workers; `Infinity` without a cap. */
  readonly maxInFlight: number;
  /** Maximum jobs of the tenant that are waiting or delayed; `Infinity` without a bound. */
  readonly maxBacklog: number;
  /** Maximum starts in any window of `windowMs`, as a token bucket of `limit`; absent: no limit. */
  readonly rate?: { readonly limit: number; readonly windowMs: number } | undefined;
}

/** Jobs by state. `waiting` contains the jobs in the lines of their tenants. */
export interface JobCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly dead: number;
}

export interface TenantStats extends JobCounts {
  readonly tenantId: string;
  readonly paused: boolean;
  /** Milliseconds for which the oldest waiting job has been due; 0 without one. */
  readonly oldestWaitMs: number;
}
