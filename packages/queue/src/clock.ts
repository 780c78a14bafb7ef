import { systemClock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import type { TimerClock } from "./store.js";

// Timers of Node count in 32 bits: a longer one would fire at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The time of the process, and timers of Node. */
export const systemTimerClock: TimerClock = {
  ...systemClock,
  setTimer(wake, ms, { keepAlive = false } = {}) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS);
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : wake()), stepMs);
      if (!keepAlive) timer.unref();
    };
    inRootContext(() => arm(ms));
    return () => clearTimeout(timer);
  },
};
