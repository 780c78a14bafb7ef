import type { Clock } from "./clock.js";

export interface ManualClock extends Clock {
  /** Moves both times on by `ms`. */
  advance(ms: number): void;
  /** Sets the wall time alone, as a correction of the system's clock does; durations do not see it. */
  setWall(ms: number): void;
}

/** A clock that stands still until it is told to move. `startMs` is its wall time, milliseconds since the epoch. */
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
