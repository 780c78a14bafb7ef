import type { CheckOptions, Decision, Slot } from "../types.js";

export interface WaitOptions extends CheckOptions {
  /**
   * Maximum wait in milliseconds, 0 to 3,600,000. 0 decides at once.
   * @default the `maxWaitMs` of the queue
   */
  readonly maxWaitMs?: number;
  /** Ends the wait: the promise rejects with the signal's reason, and units that were charged meanwhile are refunded. */
  readonly signal?: AbortSignal;
}

/**
 * `queue-full`: as many requests wait as may. `deadline`: the wait would exceed `maxWaitMs`, or has. `closed`: the queue was
 * closed.
 */
export type WaitRefusal = "queue-full" | "deadline" | "closed";

/** A request that may pass, and was charged. */
export interface WaitAdmission {
  readonly allowed: true;
  readonly decision: Decision;
  readonly waitedMs: number;
  /** The slot that `acquire` took. Release it when the work is done. */
  readonly slot?: Slot;
}

/** A request that may not pass, and was not charged. */
export interface WaitDenial {
  readonly allowed: false;
  readonly reason: WaitRefusal;
  /** The last decision about this request; `undefined` when it was refused before its turn. */
  readonly decision: Decision | undefined;
  readonly waitedMs: number;
  /** Milliseconds until the request could pass, after all that wait already; `Infinity` when it never will. An estimate. */
  readonly retryAfterMs: number;
}

export type WaitResult = WaitAdmission | WaitDenial;

/** Calls `onDue` once after `ms`. Returns a function that cancels it. */
export type SetTimer = (ms: number, onDue: () => void) => () => void;
