import type { EjectReason } from "../events.js";
import type { NodeState } from "./node-state.js";
import { acceptsStatement } from "./outlier-ejection.js";
import type { Topology } from "./topology.js";

/** Rules for a replica to serve reads, before the demands of a scope are checked. */
export interface EligibilityRules {
  readonly maxMs: number;
  readonly maxBytes: number;
  /** Age at which a poll no longer counts. */
  readonly staleMs: number;
  /** Consecutive failed polls after which a node is unreachable. */
  readonly failures: number;
}

/** True when polls reach the node. */
export function isReachable(node: NodeState, failures: number): boolean {
  return node.status !== undefined && node.pollFailures < failures;
}

/** @returns why the node may not serve, or `undefined` when it may */
export function findIneligibleReason(
  node: NodeState,
  topology: Topology,
  { rules, nowMs }: { readonly rules: EligibilityRules; readonly nowMs: number },
): EjectReason | undefined {
  const { status } = node;
  if (node.isDraining) return "draining";
  if (!isReachable(node, rules.failures)) return node.pollFailures === 0 ? "unknown" : "unreachable";
  if (status === undefined) return "unknown";
  if (status.systemId !== topology.systemId) return "other-system";
  if (status.timeline !== topology.timeline) return "other-timeline";
  // The server may have restarted since this poll, and a restarted standby can have lost replayed data.
  if (node.lostTick >= node.polledTick) return "connection-lost";
  if (!status.isStandby) return node.name === topology.writer ? undefined : "not-writable";
  if (topology.isForked) return "forked";
  if (!acceptsStatement(node.health)) return "failures";
  if (nowMs - node.polledAtMs > rules.staleMs) return "stale";
  const { lag } = node;
  if (lag !== undefined && (lag.ms > rules.maxMs || lag.bytes > rules.maxBytes)) return "lagging";
  return undefined;
}
