import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { DeadReason, JobFailure } from "./types.js";

/** Fields that every event about a job has. */
export interface JobEvent {
  readonly tenantId: string;
  readonly queue: string;
  /** Name of the job. */
  readonly job: string;
  readonly id: string;
}

export interface JobEnqueued extends JobEvent {
  /** True when the queue held the job already; `id` is that of the first. */
  readonly deduplicated: boolean;
}

/** Published for every job that the store acknowledged. */
export const jobEnqueue: EventChannel<JobEnqueued> = defineEvent("scale:queue:job-enqueue");

export interface JobRefused {
  readonly tenantId: string;
  readonly queue: string;
  readonly job: string;
  readonly reason: "backlog-full";
  readonly backlog: number;
}

/** Published for every job that was not stored because the backlog of its tenant is full. */
export const jobRefuse: EventChannel<JobRefused> = defineEvent("scale:queue:job-refuse");

export interface JobStarted extends JobEvent {
  readonly attempt: number;
  /** Milliseconds between the time at which the job became due and its start. */
  readonly waitMs: number;
}

/** Published when a worker starts an attempt. */
export const jobStart: EventChannel<JobStarted> = defineEvent("scale:queue:job-start");

export interface JobFinished extends JobEvent {
  readonly attempt: number;
  /**
   * `lost`: the lease ended, and another worker decides. `unsettled`: the store did not answer; the job runs again if it did not
   * get the settlement.
   */
  readonly outcome: "completed" | "retry" | "dead" | "cancelled" | "handed-back" | "throttled" | "lost" | "unsettled";
  /** Running time in milliseconds. */
  readonly ms: number;
  /** Only for `dead`. */
  readonly reason?: DeadReason;
  /** Only for `retry` and `dead`. */
  readonly failure?: JobFailure;
}

/** Published when the store has settled an attempt. */
export const jobFinish: EventChannel<JobFinished> = defineEvent("scale:queue:job-finish");

export interface JobAbandoned extends JobEvent {
  readonly attempt: number;
  readonly reason: unknown;
}

/** Published when a handler goes on after its signal aborted: the worker settled the job without it. */
export const jobAbandon: EventChannel<JobAbandoned> = defineEvent("scale:queue:job-abandon");

export interface StoreFailed {
  /** `undefined` for an operation that concerns no tenant, such as the fetch of a worker. */
  readonly tenantId: string | undefined;
  readonly queue: string;
  readonly operation: string;
  readonly error: unknown;
}

/** Published for every call that the store did not answer. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:queue:store-fail");

export interface WorkerDrained {
  readonly queue: string;
  readonly finished: number;
  readonly handedBack: number;
  readonly abandoned: number;
  readonly ms: number;
}

/** Published when a worker has drained. */
export const workerDrain: EventChannel<WorkerDrained> = defineEvent("scale:queue:worker-drain");

export interface ScheduleFired {
  readonly queue: string;
  readonly schedule: string;
  /** Wall time of the slot. */
  readonly slotMs: number;
  /** Jobs stored; those of a tenant whose backlog is full are not counted. */
  readonly enqueued: number;
}

/** Published when this process has enqueued the jobs of a slot. */
export const scheduleFire: EventChannel<ScheduleFired> = defineEvent("scale:queue:schedule-fire");

export interface ScheduleFailed {
  /** The tenant whose plan or data is wrong, while the others got their jobs; `undefined` when the slot failed. */
  readonly tenantId: string | undefined;
  readonly queue: string;
  readonly schedule: string;
  readonly slotMs: number;
  readonly error: unknown;
}

/** Published when a slot could not be enqueued. It is tried again while it is younger than `catchUpMs`. */
export const scheduleFail: EventChannel<ScheduleFailed> = defineEvent("scale:queue:schedule-fail");

export interface StoreFallback {
  readonly queue: string;
  /** SHA-1 of the scripts of the installed BullMQ. */
  readonly digest: string;
}

/** Published once for each queue of a process whose BullMQ the Redis store does not know: it works through BullMQ's public interface. */
export const storeFallback: EventChannel<StoreFallback> = defineEvent("scale:queue:store-fallback");
