/** Where a package gets the time. Pass a `ManualClock` from `@scale/core/testing` to move it by hand. */
export interface Clock {
  /** Wall time, milliseconds since the epoch. It may step. For what leaves the process: dates, tokens, periods. */
  now(): number;
  /** Milliseconds from an arbitrary origin that never step back. For durations, deadlines and local expiry. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
