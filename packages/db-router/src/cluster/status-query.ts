import { TimeoutError } from "@scale/core";
import { withResponsiveDeadline } from "../responsive-timeout.js";
import type { NodeEntry } from "./node-state.js";
import { type NodeStatus, parseStatus, STATUS_SQL } from "../postgres/status.js";

/** Statements on the pool that never came back: while there is one no second is sent after it. */
const hanging = new WeakSet<NodeEntry>();

/**
 * True when the pool's own connections must not be used, or prove too little: all are busy, so that the question would
 * wait behind statements, the last question failed or is still unanswered, or it is time to see whether new ones are accepted. A
 * server whose parent process is frozen goes on to answer on those that it has.
 */
export function needsFresh(entry: NodeEntry, isDue: boolean): boolean {
  const { idleCount, totalCount } = entry.node.pool;
  const isBusy = totalCount > 0 && idleCount === 0;
  return isDue || isBusy || hanging.has(entry) || entry.pollFailures > 0;
}

/** @throws what the server or its client says, or SCALE_TIMEOUT */
export async function askStatus(entry: NodeEntry, isFresh: boolean, timeoutMs: number): Promise<NodeStatus> {
  const { node } = entry;
  const what = `a poll of ${node.name}`;
  // A node of somebody else's may not keep to its own deadline.
  if (isFresh) return parseStatus(await withResponsiveDeadline(node.probe(STATUS_SQL, timeoutMs), 2 * timeoutMs, what));
  hanging.add(entry);
  const asked = node.pool.query(STATUS_SQL).finally(() => hanging.delete(entry));
  return parseStatus(await withResponsiveDeadline(asked, timeoutMs, what));
}

/** True for a server that lives and has no connection to spare: what it has goes on working. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TimeoutError) && "code" in error && error.code === "53300";
}
