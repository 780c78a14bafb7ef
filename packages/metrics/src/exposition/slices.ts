import type { Clock } from "@scale/core";

/** Steps between two looks at the clock. */
const CHECK_EVERY = 16;

/** Splits long work on the event loop into slices. */
export interface Slicer {
  /** True when the slice is over: await `pause` before the next step. */
  isOver(): boolean;
  /** Lets other work of the process run, and begins a new slice. */
  pause(): Promise<void>;
}

export function createSlicer(sliceMs: number, clock: Clock): Slicer {
  let until = clock.monotonic() + sliceMs;
  let steps = 0;
  return {
    isOver() {
      if (++steps % CHECK_EVERY !== 0) return false;
      return clock.monotonic() >= until;
    },
    async pause() {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      until = clock.monotonic() + sliceMs;
    },
  };
}
