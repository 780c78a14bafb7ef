import type { TimerClock } from "../store.js";
import type { IoredisConnection } from "./connection.js";

/** Longest wait in one command: a consumer looks for jobs at least this often. */
const MAX_WAIT_MS = 5000;
/** Shortest wait: below it Redis 7.0 would round to no timeout at all. */
const MIN_WAIT_MS = 10;
/** How much later than its timeout a command may answer before its connection is taken for dead. */
const GRACE_MS = 1500;

export interface JobWait {
  /**
   * Waits until a job may be there: BullMQ's marker, `wakeAtMs` (wall time, 0 for none), or 5 seconds.
   * Rejects when the connection is lost or frozen.
   */
  next(wakeAtMs: number): Promise<void>;
  close(): void;
}

/** Waits for BullMQ's marker on a connection of its own: the command blocks it. */
export function createJobWait(connection: IoredisConnection, markerKey: string, clock: TimerClock): JobWait {
  const waitMsOf = (wakeAtMs: number): number =>
    Math.min(Math.max(wakeAtMs === 0 ? MAX_WAIT_MS : wakeAtMs - clock.now(), MIN_WAIT_MS), MAX_WAIT_MS);

  async function blockFor(waitMs: number): Promise<readonly string[] | null> {
    // ioredis would wait for ever for the answer of a server that is frozen, or whose machine is gone.
    const cancel = clock.setTimer(() => connection.disconnect(true), waitMs + GRACE_MS);
    try {
      return await connection.bzpopmin(markerKey, waitMs / 1000);
    } finally {
      cancel();
    }
  }

  return {
    async next(wakeAtMs) {
      let until = wakeAtMs;
      for (;;) {
        const waitMs = waitMsOf(until);
        const marker = await blockFor(waitMs);
        const dueAtMs = Number(marker?.[2] ?? 0);
        if (marker === null || dueAtMs <= clock.now()) return;
        // The marker of a delayed job: it tells when, and it is gone now.
        until = until === 0 ? dueAtMs : Math.min(until, dueAtMs);
      }
    },
    close: () => connection.disconnect(),
  };
}
