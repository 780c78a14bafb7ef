import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "@scale/core";
import { retryFrame } from "../delivery/frame.js";
import type { Connection } from "./connection.js";

export interface DrainTimes {
  readonly deadlineMs: number;
  readonly spreadMs: number;
  readonly retryMs: number;
}

const POLL_MS = 10;

const isPending = ({ pendingBytes }: Connection): boolean => pendingBytes > 0;

/**
 * Ends connections in order, each with another time to wait before it connects again. Resolves when every client has taken
 * its last bytes, and at the deadline at the latest.
 */
export async function drainConnections(connections: readonly Connection[], times: DrainTimes): Promise<void> {
  const { deadlineMs, spreadMs, retryMs } = times;
  for (const connection of connections) connection.end("drain", retryFrame(retryMs + Math.random() * spreadMs));
  // The clock of the system, whatever the hub has: the process ends by it.
  const until = systemClock.monotonic() + deadlineMs;
  let open = connections.filter(isPending);
  while (open.length > 0 && systemClock.monotonic() < until) {
    await sleep(POLL_MS);
    open = open.filter(isPending);
  }
  for (const connection of open) connection.destroy();
}
