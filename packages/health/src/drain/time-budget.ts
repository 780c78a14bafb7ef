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

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void inRootContext(() => setTimeout(resolve, ms)));
