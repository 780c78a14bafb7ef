import { TimeoutError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { NodeLoss } from "../types.js";
import type { NodeState } from "./node-state.js";

/** Listeners for nodes that have become unreachable. They end or move the statements that wait there. */
export class NodeLosses {
  readonly #listeners = new Set<(loss: NodeLoss) => void>();

  /** @returns a function that removes the listener */
  add(listener: (loss: NodeLoss) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  publish({ dbNode: { name: node, pool }, pollError: cause, isLost: isFinal }: NodeState): void {
    for (const listener of this.#listeners) notify(listener, { node, pool, isFinal, cause });
  }
}

/** Calls a listener. No caller could catch its error, and it must not stop the polls: it becomes a process warning. */
function notify(listener: (loss: NodeLoss) => void, loss: NodeLoss): void {
  try {
    listener(loss);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/**
 * Records how long a node has been unreachable, and whether its replies are no longer awaited: another node takes the writes
 * instead, or it has not come back for `giveUpMs`.
 * @returns true when that has changed
 */
export function updateLoss(
  node: NodeState,
  { writer, nowMs, giveUpMs }: { readonly writer: NodeState | undefined; nowMs: number; giveUpMs: number },
): boolean {
  const before = node.isLost;
  if (node.ineligibleReason !== "unreachable") {
    node.unreachableSinceMs = undefined;
    node.isLost = false;
    return before;
  }
  node.unreachableSinceMs ??= nowMs;
  const isReplaced = node.status?.isStandby === false && writer !== undefined && writer !== node;
  node.isLost ||= isReplaced || nowMs - node.unreachableSinceMs >= giveUpMs;
  return node.isLost !== before;
}

/** True for a server that has not refused anything: it may be frozen, slow or cut off, and may still reply. */
export function isSilent({ ineligibleReason, isLost, pollError }: NodeState): boolean {
  return ineligibleReason === "unreachable" && !isLost && pollError instanceof TimeoutError;
}
