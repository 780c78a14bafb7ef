import type { QueueJob, QueueJobJson } from "@bull-board/api/dist/types.js";
import { InputError } from "@scale/core";
import type { StoredJob } from "../types.js";
import type { Redact } from "./redact.js";

/** A job as bull-board shows it. The tenant stands in its options, which the board prints. */
export function shownJob(job: StoredJob, redact: Redact): QueueJob {
  return {
    opts: {},
    toJSON: () => toJson(job, redact),
    getState: async () => (job.state === "dead" || job.state === "cancelled" ? "failed" : job.state),
    promote: readOnly,
    remove: readOnly,
    retry: readOnly,
  };
}

function toJson(job: StoredJob, redact: Redact): QueueJobJson {
  const { id, name, tenantId, priority, version, maxAttempts, crashes, deadReason } = job;
  const { name: failureName, message = "", stack = "" } = job.failure ?? {};
  const shown = redact(
    {
      data: JSON.parse(job.payload),
      output: job.output === undefined ? undefined : JSON.parse(job.output),
      failure: failureName === undefined ? undefined : { message, stack },
    },
    job,
  );
  const reason = [deadReason, failureName, shown.failure?.message].filter((part) => part !== undefined).join(": ");
  return {
    id,
    name,
    progress: 0,
    attemptsMade: job.attemptsMade,
    timestamp: job.enqueuedAtMs,
    ...(job.startedAtMs !== undefined && { processedOn: job.startedAtMs }),
    ...(job.finishedAtMs !== undefined && { finishedOn: job.finishedAtMs }),
    delay: Math.max(0, (job.dueAtMs ?? job.runAtMs ?? 0) - job.enqueuedAtMs),
    failedReason: job.state === "cancelled" ? "cancelled" : reason,
    stacktrace: shown.failure?.stack === undefined || shown.failure.stack === "" ? [] : [shown.failure.stack],
    data: shown.data,
    returnvalue: shown.output ?? null,
    opts: { tenantId, priority, version, attempts: maxAttempts, crashes },
  };
}

/** In place of every action of the board. */
export async function readOnly(): Promise<never> {
  throw new InputError("the dashboard of queues only shows jobs: call the queue itself");
}
