import type { JobData, JobDefinition, JobName, JobOutput, Jobs } from "../jobs/types.js";

/** A job as its handler gets it. The tenant, the deadline and the trace of the job are current while the handler runs. */
export interface JobContext<Data = unknown> {
  readonly id: string;
  readonly name: string;
  /** Result of the input schema. */
  readonly data: Data;
  readonly tenantId: string;
  readonly userId: string | undefined;
  /** Number of this attempt, from 1. A run after a crash has the number of the run that crashed. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly enqueuedAt: Date;
  /**
   * Aborts when the job is cancelled (`JobCancelled`), takes too long (`JobTimeout`), lost its lease (`LeaseLost`) or its worker
   * drains (`WorkerDraining`). Pass it on. A handler that goes on afterwards is left alone after a second: the job is settled
   * without it, and may run elsewhere beside it.
   */
  readonly signal: AbortSignal;
  /** Milliseconds until the attempt times out. */
  remainingMs(): number;
}

/**
 * Runs a job. A handler may run more than once for one job, after a crash for example: make its effects idempotent, or use `once`
 * of `@scale/queue/once`.
 */
export type JobHandlerOf<D extends JobDefinition> = (
  job: JobContext<JobData<D>>,
) => JobOutput<D> | Promise<JobOutput<D>>;

/** One handler for each job of the queue. */
export type Handlers<J extends Jobs> = { readonly [Name in JobName<J>]: JobHandlerOf<J[Name]> };

export interface WorkerOptions {
  /**
   * Maximum jobs that run at once in this worker.
   * @default 10
   */
  readonly concurrency?: number;
  /**
   * Milliseconds after which another worker may take the jobs of this one when it has died. They run again within twice this time.
   * An event loop that is blocked for longer loses its jobs to other workers.
   * @default 7000
   */
  readonly leaseMs?: number;
  /** Source of the jitter of retries, 0 to 1. For tests. @default Math.random */
  readonly random?: () => number;
}

export interface DrainReport {
  /** Jobs that ended by themselves while the worker drained. */
  readonly finished: number;
  /** Jobs that went back to the queue: another worker runs them. */
  readonly handedBack: number;
  /** Handlers that went on after their signal aborted. Their jobs went back to the queue. */
  readonly abandoned: number;
  readonly ms: number;
}

export interface Worker {
  /** Jobs that run now. */
  readonly running: number;
  /** Resolves when the worker fetches jobs, rejects when the store cannot be reached. It goes on trying in any case. */
  ready(): Promise<void>;
  /**
   * Ends the worker: fetches no more jobs, waits for those that run, and at the deadline aborts their signals and hands them back.
   * Resolves within `deadlineMs` + 500 ms, whatever the handlers and the store do. A second call may shorten the deadline.
   */
  drain(options: { readonly deadlineMs: number }): Promise<DrainReport>;
}
