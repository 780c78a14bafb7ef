import { ScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

export interface BacklogFull {
  readonly tenantId: string;
  /** Jobs of the tenant that are waiting or delayed. */
  readonly backlog: number;
  readonly maxBacklog: number;
}

/** The tenant has as many waiting jobs as its share allows; the job was not stored. Answer with 429. */
export class TenantBacklogFull extends ScaleError {
  readonly status = 429;
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
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(job: string, bytes: number, maxBytes: number) {
    const sizes = `expected at most ${maxBytes} bytes of JSON, got ${bytes}`;
    const what = `the payload of job ${describeValue(job)} is too large`;
    super("SCALE_PAYLOAD_TOO_LARGE", `${what}: ${sizes}; enqueue a reference to the data instead`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
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
