import { type Clock, systemClock } from "@scale/core";

/** Readings of one turn after which the clock is read again: bounds how old the time is in a long synchronous loop. */
const READINGS = 64;

/**
 * The monotonic time of this turn of the event loop. To read the clock takes longer than to find an entry in memory, and
 * the hits of one turn may share a reading. Only the system's clock is read so; a test that moves its own sees that at once.
 */
export function turnClock(clock: Clock): () => number {
  if (clock !== systemClock) return () => clock.monotonic();
  let now = 0;
  let left = 0;
  let isScheduled = false;
  const endTurn = (): void => {
    left = 0;
    isScheduled = false;
  };
  return () => {
    if (left-- > 0) return now;
    now = clock.monotonic();
    left = READINGS;
    if (!isScheduled) {
      isScheduled = true;
      setImmediate(endTurn).unref();
    }
    return now;
  };
}
