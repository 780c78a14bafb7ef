import { type Duration, ScaleError } from "@scale/core";
import { describeValue, parseDuration } from "@scale/core/kit";

export interface BacklogFull {
  readonly tenantId: string;
  /** Jobs of the tenant that are waiting or delayed. */
  readonly backlog: number;
  readonly maxBacklog: number;
}

const BACKLOG_PROBLEM = Object.freeze({
  detail: "The tenant has too many jobs that wait. Try again when some of them are done.",
});

/** The tenant has as many waiting jobs as its share allows; the job was not stored. Answer with 429. */
export class TenantBacklogFull extends ScaleError {
  readonly status = 429;
  /** The part that a client may see. */
  readonly problem: { readonly detail: string } = BACKLOG_PROBLEM;
  readonly tenantId: string;
  readonly backlog: number;
  readonly maxBacklog: number;

  constructor({ tenantId, backlog, maxBacklog }: BacklogFull) {
    const counts = `expected fewer than ${maxBacklog} waiting jobs, got ${backlog}`;
    super("SCALE_BACKLOG_FULL", `the backlog of tenant ${describeValue(tenantId)} is full: ${counts}`);
    this.tenantId = tenantId;
    this.backlog = backlog;
    this.maxBacklog = maxBacklog;
  }
}

/** The payload of a job is larger than the queue allows. Store the data elsewhere, and enqueue a reference to it. */
export class PayloadTooLarge extends ScaleError {
  readonly status = 413;
  /** Size of the part that was read before the limit was passed. */
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(job: string, bytes: number, maxBytes: number) {
    const sizes = `expected at most ${maxBytes} bytes of JSON, got ${bytes} or more`;
    const what = `the payload of job ${describeValue(job)} is too large`;
    super("SCALE_PAYLOAD_TOO_LARGE", `${what}: ${sizes}; enqueue a reference to the data instead`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** Throw it in a handler when no further attempt would succeed: the job becomes dead with the reason `permanent`. */
export class Permanent extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_JOB_PERMANENT", message, options);
  }
}

/** Throw it in a handler when a dependency said how long to wait. The attempt counts, and the next one begins after `delay`. */
export class RetryAfter extends ScaleError {
  readonly delayMs: number;

  /** @throws {ConfigError} for a delay that is not a duration */
  constructor(delay: Duration, message = "asked to try again later", options?: ErrorOptions) {
    super("SCALE_JOB_RETRY_AFTER", message, options);
    this.delayMs = parseDuration(delay);
  }
}

/**
 * Throw it in a handler when a dependency refuses this tenant: the job goes back to the head of its tenant's line without
 * counting an attempt, and no job of the tenant starts before `delay` has passed. Other tenants are served.
 */
export class TenantThrottled extends ScaleError {
  readonly delayMs: number;

  /** @throws {ConfigError} for a delay that is not a duration */
  constructor(delay: Duration, message = "the tenant is throttled", options?: ErrorOptions) {
    super("SCALE_JOB_THROTTLED", message, options);
    this.delayMs = parseDuration(delay);
  }
}

/** Reason of the signal of a job that ran longer than its `timeout`, or into its deadline. The attempt has failed. */
export class JobTimeout extends ScaleError {
  readonly timeoutMs: number;

  constructor(job: string, timeoutMs: number) {
    super("SCALE_JOB_TIMEOUT", `job ${describeValue(job)} did not end within ${Math.round(timeoutMs)} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Reason of the signal of a job whose worker drains: the job goes back to its queue, and the attempt does not count. */
export class WorkerDraining extends ScaleError {
  constructor() {
    super("SCALE_WORKER_DRAINING", "the worker is draining: the job goes back to its queue");
  }
}

/** Reason of the signal of a job that `queue.cancel` stopped. Rethrow it, or return: the outcome is `cancelled` in any case. */
export class JobCancelled extends ScaleError {
  readonly jobId: string;

  constructor(jobId: string) {
    super("SCALE_JOB_CANCELLED", `job ${jobId} was cancelled`);
    this.jobId = jobId;
  }
}

/** Reason of the signal of a job whose lease ended before it was done: another worker may run it now. */
export class LeaseLost extends ScaleError {
  readonly jobId: string;

  constructor(jobId: string) {
    super("SCALE_LEASE_LOST", `the lease of job ${jobId} ended: another worker may run it`);
    this.jobId = jobId;
  }
}
