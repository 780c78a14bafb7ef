import type { TimerClock } from "../store.js";
import type { Cron } from "./cron.js";

export interface TickerOptions {
  readonly clock: TimerClock;
  readonly cron: Cron;
  readonly catchUpMs: number;
  /** Called with the wall time of each slot. */
  readonly fire: (slotMs: number) => void;
}

/** A clock that is set back by more has been wrong before: its schedule goes on from here. */
const WRONG_CLOCK_MS = 86_400_000;

/** Wall time may step while a timer waits: it is read again this often. */
const LONGEST_WAIT_MS = 30_000;

/**
 * Fires each slot of a cron expression. After a pause of the process, or a jump of the clock, only the latest slot is fired, and
 * only if it is younger than `catchUpMs`. A clock that is set back by less than a day fires no slot again.
 */
export function startTicker({ clock, cron, catchUpMs, fire }: TickerOptions): { stop(): void } {
  let stopped = false;
  let cancelTimer = (): void => undefined;
  // Slots before the start may not have been fired: the process that would have may be the one that ended.
  let nextMs = cron.after(clock.now() - catchUpMs - 1);
  let seenMs = clock.now();

  function tick(): void {
    if (stopped) return;
    const now = clock.now();
    if (seenMs - now > WRONG_CLOCK_MS) nextMs = cron.after(now);
    seenMs = now;
    if (now - nextMs > catchUpMs) nextMs = cron.after(now - catchUpMs - 1);
    let latestMs: number | undefined;
    while (nextMs <= now) {
      latestMs = nextMs;
      nextMs = cron.after(nextMs);
    }
    if (latestMs !== undefined) fire(latestMs);
    cancelTimer = clock.setTimer(tick, Math.max(1, Math.min(nextMs - now, LONGEST_WAIT_MS)));
  }

  tick();
  return {
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}
