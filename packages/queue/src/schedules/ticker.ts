import type { TimerClock } from "../store.js";
import type { Cron } from "./cron.js";

export interface TickerOptions {
  readonly clock: TimerClock;
  readonly cron: Cron;
  readonly catchUpMs: number;
  /** Called with the wall time of each slot. */
  readonly fire: (slotMs: number) => void;
}

/** Wall time may step while a timer waits: it is read again this often. */
const LONGEST_WAIT_MS = 30_000;

/**
 * Fires each slot of a cron expression. After a pause of the process, or a jump of the clock, only the latest slot is fired, and
 * only if it is younger than `catchUpMs`. A clock that is set back fires no slot again.
 */
export function startTicker({ clock, cron, catchUpMs, fire }: TickerOptions): { stop(): void } {
  let stopped = false;
  let cancelTimer = (): void => undefined;
  const startMs = clock.now();
  // The slot before the start may not have been fired: the process that would have may be the one that ended.
  let firedMs = cron.atOrBefore(startMs - catchUpMs - 1);

  function tick(): void {
    if (stopped) return;
    const now = clock.now();
    const latest = cron.atOrBefore(now);
    if (latest > firedMs) {
      firedMs = latest;
      if (now - latest <= catchUpMs) fire(latest);
    }
    const waitMs = Math.max(1, Math.min(cron.after(Math.max(now, firedMs)) - now, LONGEST_WAIT_MS));
    cancelTimer = clock.setTimer(tick, waitMs);
  }

  tick();
  return {
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}
