import { TimeoutError } from "@scale/core";
import { type NodeStatus, parseStatus, STATUS_SQL } from "../postgres/status.js";
import { withResponsiveDeadline } from "../responsive-timeout.js";
import type { NodeState } from "./node-state.js";

/** Nodes with a status query on the pool that is still unanswered. No second one is sent there meanwhile. */
const unanswered = new WeakSet<NodeState>();

/**
 * True when the status query needs a new connection instead of one of the pool:
 * - all pooled connections are busy, so the query would queue with statements;
 * - the last query failed, or is still unanswered;
 * - `isDue`: a server whose postmaster is frozen still answers on old connections, so new ones are tried regularly.
 */
export function needsNewConnection(node: NodeState, isDue: boolean): boolean {
  const { polls, pool } = node.dbNode;
  const isBusy = polls === undefined && pool.totalCount > 0 && pool.idleCount === 0;
  return isDue || isBusy || unanswered.has(node) || node.pollFailures > 0;
}

/** @throws the error of the server or its client, or SCALE_TIMEOUT */
export async function queryStatus(node: NodeState, isNew: boolean, timeoutMs: number): Promise<NodeStatus> {
  const { dbNode } = node;
  const what = `a poll of ${dbNode.name}`;
  // An application's own DbNode may not keep its deadline.
  if (isNew) return parseStatus(await withResponsiveDeadline(dbNode.probe(STATUS_SQL, timeoutMs), 2 * timeoutMs, what));
  unanswered.add(node);
  const reply = (dbNode.polls ?? dbNode.pool).query(STATUS_SQL).finally(() => unanswered.delete(node));
  return parseStatus(await withResponsiveDeadline(reply, timeoutMs, what));
}

/** True when the server lives and has no connection slot left. Open connections still work. */
export function isOutOfConnections(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TimeoutError) && "code" in error && error.code === "53300";
}
