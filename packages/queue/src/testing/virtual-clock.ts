import { setImmediate } from "node:timers/promises";
import { inRootContext } from "@scale/core/kit";
import type { TimerClock } from "../store.js";

export interface VirtualClock extends TimerClock {
  /**
   * Moves the time forward, and calls the timers that become due in their order, each at its time. Work that they start runs before
   * the next one is called, as long as it waits for nothing but promises and `setImmediate`.
   */
  advance(ms: number): Promise<void>;
  /** Lets work that is ready run, without moving the time. */
  settle(): Promise<void>;
}

/** Turns of the event loop after which work that waits for promises and `setImmediate` only has ended. */
const TURNS = 12;

/** A clock with timers that moves only when a test moves it. */
export function virtualClock(startMs = 1_700_000_000_000): VirtualClock {
  let elapsed = 0;
  const timers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  function nextDue(untilMs: number): { readonly atMs: number; readonly wake: () => void } | undefined {
    let next: { readonly atMs: number; readonly wake: () => void } | undefined;
    for (const timer of timers) {
      if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
  }

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    setTimer(wake, ms) {
      const timer = { atMs: elapsed + Math.max(0, ms), wake };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    settle,
    async advance(ms) {
      const untilMs = elapsed + ms;
      await settle();
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer);
        elapsed = Math.max(elapsed, timer.atMs);
        inRootContext(timer.wake);
        await settle();
      }
      elapsed = untilMs;
    },
  };
}
