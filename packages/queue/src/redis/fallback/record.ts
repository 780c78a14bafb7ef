import type { Job } from "bullmq";
import type { NewJob } from "../../store.js";
import type { DeadReason, JobFailure, JobRecord, JobState, StoredJob } from "../../types.js";

/** The data of a BullMQ job: ours, with what BullMQ has no field for. */
export interface FallbackData {
  readonly record: JobRecord;
  readonly attemptsMade: number;
  readonly failure?: JobFailure;
  readonly deadReason?: DeadReason;
}

export type FallbackJob = Job<FallbackData, string>;

export function dataOf({ share: _share, idempotency: _idempotency, ...record }: NewJob): FallbackData {
  return { record, attemptsMade: 0 };
}

const STATES: Readonly<Record<string, JobState | undefined>> = {
  delayed: "delayed",
  active: "active",
  completed: "completed",
  failed: "dead",
};

export function storedOf(job: FallbackJob, bullmqState: string): StoredJob {
  const { record, attemptsMade, failure, deadReason } = job.data;
  const state = STATES[bullmqState] ?? "waiting";
  return {
    ...{ ...record, state, attemptsMade, crashes: job.stalledCounter },
    ...(state === "delayed" && { dueAtMs: job.timestamp + job.delay }),
    ...(job.processedOn !== undefined && { startedAtMs: job.processedOn }),
    ...(job.finishedOn !== undefined && { finishedAtMs: job.finishedOn }),
    ...(state === "completed" && job.returnvalue !== "" && { output: job.returnvalue }),
    ...(failure !== undefined && { failure }),
    ...(state === "dead" && deadReason !== undefined && { deadReason }),
  };
}
