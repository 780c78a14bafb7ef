import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { LoopMeter, type LoopReading, TURN_MS } from "./loop-meter.js";

/** Measures how late the event loop is. */
export interface LoopDelay {
  /** Notes that there is work to do. */
  note(nowMs: number): void;
  /** Delays since the last call. */
  read(nowMs: number): LoopReading;
  close(): void;
}

/** Milliseconds without work after which the measuring pauses, so that an idle process sleeps. */
const IDLE_MS = 1000;

const IN_TIME: LoopReading = { delayMs: 0, lateForMs: 0 };

/**
 * Measures with a timer, which keeps no process alive.
 * @param targetMs delay above which the loop is late
 */
export function eventLoopDelay(targetMs: number, clock: Clock): LoopDelay {
  const meter = new LoopMeter(targetMs, clock.monotonic());
  let notedMs = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function turn(): void {
    const nowMs = clock.monotonic();
    meter.turn(nowMs);
    if (nowMs - notedMs > IDLE_MS) timer = undefined;
    else timer?.refresh();
  }

  return {
    note(nowMs) {
      notedMs = nowMs;
      if (timer !== undefined || isClosed) return;
      meter.restart(nowMs);
      // All tenants share it: it must not run for the one that came first.
      timer = inRootContext(() => setTimeout(turn, TURN_MS).unref());
    },
    read: (nowMs) => (timer === undefined ? IN_TIME : meter.read(nowMs)),
    close() {
      isClosed = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
