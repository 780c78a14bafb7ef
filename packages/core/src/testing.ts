import type { Clock } from "./clock.js";

export interface ManualClock extends Clock {
  /** Moves both times forward by `ms`. */
  advance(ms: number): void;
  /** Sets only the wall time, as a correction of the system clock does. Durations do not change. */
  setWall(ms: number): void;
}

/** A clock that moves only when a test moves it. `startMs` is its wall time in milliseconds since the epoch. */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let wall = startMs;
  let elapsed = 0;
  return {
    now: () => wall,
    monotonic: () => elapsed,
    advance(ms) {
      wall += ms;
      elapsed += ms;
    },
    setWall(ms) {
      wall = ms;
    },
  };
}
