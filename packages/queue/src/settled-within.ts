import type { TimerClock } from "./store.js";

/** Resolves when `work` has ended, in any way, and at the latest after `ms`. */
export function settledWithin(clock: TimerClock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(resolve, ms, { keepAlive: true });
    const end = (): void => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}
