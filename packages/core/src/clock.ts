/** Where a package gets the time. Pass a `ManualClock` from `@scale/core/testing` to move it by hand. */
export interface Clock {
  /** Wall time, milliseconds since the epoch. It may step. For what leaves the process: dates, tokens, periods. */
  now(): number;
  /** Milliseconds from an arbitrary origin that never step back. For durations, deadlines and local expiry. */
  monotonic(): number;
}

/** True for what can tell the time; a clock of the wrong shape would only fail later. */
export function isClock(value: unknown): value is Clock {
  if (typeof value !== "object" || value === null || !("now" in value) || !("monotonic" in value)) return false;
  return typeof value.now === "function" && typeof value.monotonic === "function";
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
