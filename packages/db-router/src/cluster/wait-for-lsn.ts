import { withDeadline } from "@scale/core/kit";
import { formatLsn, type Lsn } from "../postgres/lsn.js";
import type { NodeState } from "./node-state.js";

/** First server version with `WAIT FOR LSN`. */
const MIN_VERSION = 190_000;
/** Extra time for the reply to arrive after the server's own timeout. */
const REPLY_MS = 250;

export function canWait({ status }: NodeState): boolean {
  return status !== undefined && status.isStandby && status.version >= MIN_VERSION;
}

/**
 * Waits on the server until it has replayed a position, instead of polling. Holds a connection of the pool meanwhile.
 * @returns true when the position was reached in time
 * @throws the error of the server or its client
 */
export async function waitForLsn(node: NodeState, lsn: Lsn, timeoutMs: number): Promise<boolean> {
  const options = `MODE 'standby_replay', TIMEOUT '${Math.max(Math.floor(timeoutMs), 1)}ms', NO_THROW`;
  const reply = node.dbNode.pool.query(`WAIT FOR LSN '${formatLsn(lsn)}' WITH (${options})`);
  const { rows } = await withDeadline(reply, timeoutMs + REPLY_MS, `a wait of ${node.name}`);
  return Object.values(rows[0] ?? {})[0] === "success";
}
