/** Where a package gets the time. Pass a `ManualClock` from `@scale/core/testing` to move it by hand. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. It may step. For values that leave the process: dates, tokens, periods. */
  now(): number;
  /** Milliseconds since an arbitrary origin; never steps back. For durations, deadlines and local expiry. */
  monotonic(): number;
}

/** True for an object with the two methods of a clock. A wrong one would fail later, far from its option. */
export function isClock(value: unknown): value is Clock {
  if (typeof value !== "object" || value === null || !("now" in value) || !("monotonic" in value)) return false;
  return typeof value.now === "function" && typeof value.monotonic === "function";
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
