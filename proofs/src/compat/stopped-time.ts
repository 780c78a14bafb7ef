import { mock } from "node:test";
import type { Clock } from "@scale/core";

/** Wall time that moves only by `advance`. It begins with a minute, at which every window of a divisor of it begins. */
export interface StoppedTime {
  advance(ms: number): void;
  readonly clock: Clock;
}

const START = 1_700_000_040_000;

/** Stops `Date` and the intervals of the process for as long as `work` runs: the libraries read them, and take no clock. */
export async function withStoppedTime<T>(work: (time: StoppedTime) => Promise<T>): Promise<T> {
  mock.timers.enable({ apis: ["Date", "setInterval"], now: START });
  try {
    const now = (): number => Date.now();
    return await work({ advance: (ms) => mock.timers.tick(ms), clock: { now, monotonic: now } });
  } finally {
    mock.timers.reset();
  }
}
