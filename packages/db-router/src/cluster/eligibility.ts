import type { EjectReason } from "../events.js";
import { mayServe } from "./outlier-ejection.js";
import type { NodeEntry } from "./node-state.js";
import type { Topology } from "./topology.js";

/** When a replica may serve reads, apart from what a scope demands. */
export interface FitnessRules {
  readonly maxMs: number;
  readonly maxBytes: number;
  /** A poll that is older says nothing. */
  readonly staleMs: number;
  /** Failed polls in a row after which a node is out of reach. */
  readonly failures: number;
}

/** True when polls reach it. */
export function isReachable(entry: NodeEntry, failures: number): boolean {
  return entry.status !== undefined && entry.pollFailures < failures;
}

/** @returns why it may not serve, or `undefined` */
export function unfit(
  entry: NodeEntry,
  topology: Topology,
  { rules, nowMs }: { readonly rules: FitnessRules; readonly nowMs: number },
): EjectReason | undefined {
  const { status } = entry;
  if (entry.isDraining) return "draining";
  if (!isReachable(entry, rules.failures)) return entry.pollFailures === 0 ? "unknown" : "unreachable";
  if (status === undefined) return "unknown";
  if (status.systemId !== topology.systemId) return "other-system";
  if (status.timeline !== topology.timeline) return "other-timeline";
  // What was polled before may not hold for the server that answers after a restart.
  if (entry.lostAt >= entry.tick) return "connection-lost";
  if (!status.isStandby) return entry.name === topology.writer ? undefined : "not-writable";
  if (topology.isForked) return "forked";
  if (!mayServe(entry.health)) return "failures";
  if (nowMs - entry.polledAtMs > rules.staleMs) return "stale";
  const { lag } = entry;
  if (lag !== undefined && (lag.ms > rules.maxMs || lag.bytes > rules.maxBytes)) return "lagging";
  return undefined;
}
