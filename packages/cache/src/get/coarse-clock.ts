import { type Clock, systemClock } from "@scale/core";

/** Maximum number of calls per reading: bounds the error in a long synchronous loop. */
const CALLS_PER_READING = 64;

/**
 * A monotonic clock that is read once per turn of the event loop, as CLOCK_MONOTONIC_COARSE. Reading the exact clock takes
 * longer than finding an entry in L1. Other clocks than the system's, such as those of tests, are read on every call.
 */
export function coarseClock(clock: Clock): () => number {
  if (clock !== systemClock) return () => clock.monotonic();
  let now = 0;
  let callsLeft = 0;
  let isScheduled = false;
  const endTurn = (): void => {
    callsLeft = 0;
    isScheduled = false;
  };
  return () => {
    if (callsLeft-- > 0) return now;
    now = clock.monotonic();
    callsLeft = CALLS_PER_READING;
    if (!isScheduled) {
      isScheduled = true;
      setImmediate(endTurn).unref();
    }
    return now;
  };
}
