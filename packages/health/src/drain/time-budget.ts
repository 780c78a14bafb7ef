import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";

/** Resources get at least this part of the deadline, at most five seconds, whatever the requests need. */
const RESERVE_PART = 0.2;
const RESERVE_MAX_MS = 5_000;

/** The time of a drain. Its timers keep the process alive: a drain that is not waited for would not be one. */
export interface TimeBudget {
  elapsedMs(): number;
  /** Milliseconds for requests, until what is left belongs to the resources. */
  forRequestsMs(): number;
  /** Milliseconds until the deadline. */
  leftMs(): number;
}

export function createTimeBudget(deadlineMs: number, clock: Clock): TimeBudget {
  const startedAt = clock.monotonic();
  const reserveMs = Math.min(deadlineMs * RESERVE_PART, RESERVE_MAX_MS);
  const elapsedMs = (): number => clock.monotonic() - startedAt;
  const leftMs = (): number => Math.max(0, deadlineMs - elapsedMs());
  return { elapsedMs, leftMs, forRequestsMs: () => Math.max(0, leftMs() - reserveMs) };
}

/** Waits for work at most `ms`. @returns false when it was late */
export function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = inRootContext(() => setTimeout(() => resolve(false), ms));
    work.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

const STEP_MS = 100;

/**
 * Waits for `ms` in which the event loop turns. A process that gets no processor for two seconds has not used them up: its
 * balancer could not ask it meanwhile. Ends with the time for requests in any case.
 */
export async function pause(ms: number, budget: TimeBudget): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
    const stepMs = Math.min(leftMs, STEP_MS, budget.forRequestsMs());
    if (stepMs <= 0) break;
    await new Promise((resolve) => void setTimeout(resolve, stepMs));
  }
  // Timers come first in a turn: requests that arrived meanwhile, and those of connections that are accepted now, are read.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve));
}
