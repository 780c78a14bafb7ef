import { withDeadline } from "@scale/core/kit";
import { formatLsn, type Lsn } from "../postgres/lsn.js";
import type { NodeEntry } from "./node-state.js";

/** The first version that can wait for a position by itself. */
const WAITS_SINCE = 190_000;
/** What an answer may take beyond the wait itself. */
const SLACK_MS = 250;

export function canWait({ status }: NodeEntry): boolean {
  return status !== undefined && status.isStandby && status.version >= WAITS_SINCE;
}

/**
 * Lets the server tell when it has replayed a position, in place of asking again and again. It takes a connection of the
 * pool meanwhile.
 * @returns whether it has
 * @throws what the server or its client says
 */
export async function waitForLsn(entry: NodeEntry, lsn: Lsn, timeoutMs: number): Promise<boolean> {
  const options = `MODE 'standby_replay', TIMEOUT '${Math.max(Math.floor(timeoutMs), 1)}ms', NO_THROW`;
  const asked = entry.node.pool.query(`WAIT FOR LSN '${formatLsn(lsn)}' WITH (${options})`);
  const { rows } = await withDeadline(asked, timeoutMs + SLACK_MS, `a wait of ${entry.name}`);
  return Object.values(rows[0] ?? {})[0] === "success";
}
