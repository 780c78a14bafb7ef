import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import type { LiveReport } from "../types.js";
import type { HeartbeatOptions } from "./options.js";

const BEAT_MS = 1_000;
/** Late heartbeats in a row that are needed besides the time: after a suspension there is only one. */
const LATE_BEATS = 3;

/** Watches the event loop of the process by timers that should be on time. */
export interface Heartbeat {
  /** Starts to watch; further calls do nothing. */
  start(): void;
  /** Records a beat that was due at `dueAt`, in monotonic time. */
  beat(dueAt: number): void;
  report(): LiveReport;
  close(): void;
}

export function createHeartbeat(options: Required<HeartbeatOptions> | false, clock: Clock): Heartbeat {
  let timer: NodeJS.Timeout | undefined;
  let isStarted = false;
  let delayMs = 0;
  let lateBeats = 0;
  let onTimeAt = clock.monotonic();

  function beat(dueAt: number): void {
    const now = clock.monotonic();
    delayMs = Math.max(0, now - dueAt);
    if (options === false || delayMs < options.maxDelayMs) {
      lateBeats = 0;
      onTimeAt = now;
    } else lateBeats++;
  }

  function next(): void {
    const dueAt = clock.monotonic() + BEAT_MS;
    const onBeat = (): void => {
      beat(dueAt);
      next();
    };
    timer = setTimeout(onBeat, BEAT_MS).unref();
  }

  return {
    beat,
    start() {
      if (isStarted || options === false) return;
      isStarted = true;
      onTimeAt = clock.monotonic();
      inRootContext(next);
    },
    report() {
      const isDead = options !== false && lateBeats >= LATE_BEATS && clock.monotonic() - onTimeAt >= options.forMs;
      return { status: isDead ? "fail" : "pass", eventLoopDelayMs: Math.round(delayMs) };
    },
    close() {
      clearTimeout(timer);
    },
  };
}
