import { setTimeout as sleep } from "node:timers/promises";
import { retryFrame } from "../delivery/frame.js";
import type { Connection } from "./connection.js";

export interface DrainTimes {
  readonly deadlineMs: number;
  readonly spreadMs: number;
  readonly retryMs: number;
}

const POLL_MS = 10;

/**
 * Ends connections in order, each with another time to wait before it connects again. Resolves when every client has taken
 * its last bytes, and at the deadline at the latest.
 */
export async function drainConnections(connections: readonly Connection[], times: DrainTimes): Promise<void> {
  const { deadlineMs, spreadMs, retryMs } = times;
  for (const connection of connections) connection.end("drain", retryFrame(retryMs + Math.random() * spreadMs));
  let open = connections;
  for (let waitedMs = 0; waitedMs < deadlineMs && open.length > 0; waitedMs += POLL_MS) {
    open = open.filter(({ pendingBytes }) => pendingBytes > 0);
    if (open.length > 0) await sleep(POLL_MS);
  }
  for (const connection of open) connection.destroy();
}
