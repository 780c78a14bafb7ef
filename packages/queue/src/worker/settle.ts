import { isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { backoffMs } from "../jobs/backoff.js";
import type { JobDefinition } from "../jobs/types.js";
import type { Settlement } from "../store.js";
import type { DeadReason, JobFailure, StoredJob } from "../types.js";

/** A settlement before its running time is known. */
export type Verdict = WithoutUsed<Settlement>;
type WithoutUsed<S> = S extends unknown ? Omit<S, "usedMs"> : never;

export interface AttemptContext {
  readonly job: StoredJob;
  readonly definition: JobDefinition;
  readonly nowMs: number;
  readonly random: () => number;
}

/** A throttle longer than this is a mistake of the unit. */
const LONGEST_DELAY_MS = 30 * 86_400_000;

/** Decides about an attempt whose handler threw, or that timed out. */
export function settleFailure(context: AttemptContext, error: unknown): Verdict {
  const { job, definition, nowMs, random } = context;
  const failure = failureOf(error);
  if (isScaleError(error, "SCALE_JOB_THROTTLED")) return { kind: "throttled", untilMs: nowMs + delayOf(error) };
  const attemptsMade = job.attemptsMade + 1;
  const dead = (reason: DeadReason): Verdict => ({ kind: "dead", reason, attemptsMade, failure });
  if (isScaleError(error, "SCALE_JOB_PERMANENT")) return dead("permanent");
  if (attemptsMade >= job.maxAttempts) return dead("attempts");
  const asked = isScaleError(error, "SCALE_JOB_RETRY_AFTER");
  const atMs = nowMs + (asked ? delayOf(error) : backoffMs(definition.backoff, attemptsMade, random));
  // A job that would be due after its deadline has had its last attempt.
  if (job.deadlineAtMs !== undefined && atMs >= job.deadlineAtMs) return dead("expired");
  return { kind: "retry", atMs, attemptsMade, failure };
}

/** Errors of a second copy of the library have the field too; anything else waits a second. */
function delayOf(error: object): number {
  const delayMs: unknown = "delayMs" in error ? error.delayMs : undefined;
  return typeof delayMs === "number" && delayMs >= 0 ? Math.min(delayMs, LONGEST_DELAY_MS) : 1000;
}

/** Rolling deploys take less: after this time a job that this code does not know is dead instead of waiting for other code. */
const UNKNOWN_FOR_MS = 3_600_000;
const UNKNOWN_RETRY_MS = 15_000;

/** A job that newer code has enqueued waits for a worker with that code. */
export function settleUnknown(job: StoredJob, nowMs: number, message: string): Verdict {
  const { attemptsMade, enqueuedAtMs } = job;
  const failure = { name: "UnknownJob", message };
  if (nowMs - enqueuedAtMs < UNKNOWN_FOR_MS) {
    return { kind: "retry", atMs: nowMs + UNKNOWN_RETRY_MS, attemptsMade, failure };
  }
  return { kind: "dead", reason: "unknown-job", attemptsMade, failure };
}

export function settleInvalid({ attemptsMade }: StoredJob, message: string): Verdict {
  return {
    kind: "dead",
    reason: "invalid",
    attemptsMade,
    failure: { name: "InvalidJob", message: cut(message, 2000) },
  };
}

/** A job that is not run at all: its deadline has passed, or workers died of it. */
export function settleWithoutRun(job: StoredJob, nowMs: number): Verdict | undefined {
  const { attemptsMade, crashes, maxCrashes, deadlineAtMs } = job;
  if (crashes > maxCrashes) {
    const message = `${crashes} workers died while they ran it; expected at most ${maxCrashes}`;
    return { kind: "dead", reason: "poison", attemptsMade, failure: { name: "PoisonJob", message } };
  }
  if (deadlineAtMs === undefined || nowMs < deadlineAtMs) return undefined;
  const message = `its deadline passed ${nowMs - deadlineAtMs} ms before it could run`;
  return { kind: "dead", reason: "expired", attemptsMade, failure: { name: "ExpiredJob", message } };
}

/** Bounds the text of an error: it may contain a whole response. */
function failureOf(error: unknown): JobFailure {
  try {
    if (!(error instanceof Error)) return { name: "Error", message: cut(describeValue(error), 2000) };
    const { name, message, stack } = error;
    const failure = { name: cut(textOf(name), 100), message: cut(textOf(message), 2000) };
    return typeof stack === "string" ? { ...failure, stack: cut(stack, 8000) } : failure;
  } catch {
    // A getter of the error threw.
    return { name: "Error", message: "an error that cannot be read" };
  }
}

/** Libraries put objects and arrays where an error has a string. */
const textOf = (value: unknown): string => (typeof value === "string" ? value : describeValue(value));

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);
