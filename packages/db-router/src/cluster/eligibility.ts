import type { EjectReason } from "../events.js";
import type { Lsn } from "../postgres/lsn.js";
import type { NodeState } from "./node-state.js";
import { acceptsStatement } from "./outlier-ejection.js";
import type { Candidate, Topology } from "./topology.js";

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
function isReachable(node: NodeState, failures: number): boolean {
  return node.status !== undefined && node.pollFailures < failures;
}

/** @returns why the node may not serve, or `undefined` when it may */
export function findIneligibleReason(
  node: NodeState,
  topology: Topology,
  { rules, floorLsn, nowMs }: { readonly rules: EligibilityRules; readonly floorLsn: Lsn; readonly nowMs: number },
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
  if (node.lsn < floorLsn) return "catching-up";
  const { lag } = node;
  if (lag !== undefined && (lag.ms > rules.maxMs || lag.bytes > rules.maxBytes)) return "lagging";
  return undefined;
}

/** Lets the least lagging replicas serve despite their lag, until `minServing` do. */
export function keepServing(nodes: readonly NodeState[], minServing: number): void {
  if (minServing === 0) return;
  const serving = nodes.filter((node) => node.ineligibleReason === undefined && node.status?.isStandby === true).length;
  const lagging = nodes.filter((node) => isBehind(node)).sort((a, b) => (a.lag?.bytes ?? 0) - (b.lag?.bytes ?? 0));
  for (const node of lagging.slice(0, Math.max(minServing - serving, 0))) node.ineligibleReason = undefined;
}

function isBehind({ ineligibleReason }: NodeState): boolean {
  return ineligibleReason === "lagging" || ineligibleReason === "catching-up";
}

/** The facts about the nodes that decide which one takes writes. */
export function candidatesOf(nodes: readonly NodeState[], failures: number): Candidate[] {
  return nodes.flatMap((node) => {
    const { name, status } = node;
    if (status === undefined) return [];
    const { isStandby, timeline, systemId } = status;
    return [{ name, isStandby, timeline, systemId, isReachable: isReachable(node, failures) && !node.isDraining }];
  });
}
