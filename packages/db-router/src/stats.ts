import { describeValue } from "@scale/core/kit";
import type { NodeRegistry } from "./cluster/node-registry.js";
import type { NodeState } from "./cluster/node-state.js";
import type { EjectReason } from "./events.js";
import type { FairSemaphore } from "./routing/fair-semaphore.js";
import type { RouterState } from "./routing/router-state.js";
import type { PrimaryReason } from "./types.js";

/** Error of a poll, for people and dashboards. */
export interface NodeError {
  /** SQLSTATE, code of Node, or code of this package. */
  readonly code: string | undefined;
  readonly message: string;
}

export interface NodeHealth {
  readonly name: string;
  /** Role that the server reported in its last successful poll. */
  readonly role: "primary" | "replica" | "unknown";
  /** Statements that the node receives. */
  readonly serves: "writes" | "reads" | "nothing";
  /** Why the node serves nothing. */
  readonly reason: EjectReason | undefined;
  /** Error of the last poll; `undefined` after a successful one. */
  readonly error: NodeError | undefined;
  readonly timeline: number | undefined;
  /** Replica lag; `undefined` until a sample of the primary allows a comparison. */
  readonly lagBytes: number | undefined;
  readonly lagMs: number | undefined;
  readonly inFlight: number;
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
}

export interface RouterHealth {
  readonly name: string;
  readonly isWritable: boolean;
  /** True when reads without demands on freshness can be served. */
  readonly isReadable: boolean;
  readonly primary: string | undefined;
  readonly systemId: string | undefined;
  readonly timeline: number;
  readonly nodes: readonly NodeHealth[];
}

export function healthOf({ registry, name }: RouterState): RouterHealth {
  const nodes = registry.nodes.map((node) => nodeHealth(node, registry));
  const { writer, topology } = registry;
  return {
    name,
    isWritable: writer !== undefined,
    isReadable: writer !== undefined || nodes.some(({ serves }) => serves === "reads"),
    primary: writer?.name,
    systemId: topology.systemId,
    timeline: topology.timeline,
    nodes,
  };
}

function nodeHealth(node: NodeState, { writer }: NodeRegistry): NodeHealth {
  const { status, lag, dbNode } = node;
  const { totalCount: total, idleCount: idle, waitingCount: waiting } = dbNode.pool;
  const role = status?.isStandby === true ? "replica" : "primary";
  return {
    name: node.name,
    role: status === undefined ? "unknown" : role,
    serves: node === writer ? "writes" : node.isServingReads ? "reads" : "nothing",
    reason: node.ineligibleReason,
    error: nodeError(node.pollError),
    timeline: status?.timeline,
    lagBytes: lag?.bytes,
    lagMs: lag?.ms,
    inFlight: node.inFlight,
    pool: { total, idle, waiting },
  };
}

function nodeError(error: unknown): NodeError | undefined {
  if (error === undefined) return undefined;
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : undefined;
  return { code, message: error instanceof Error ? error.message : describeValue(error) };
}

export interface RouterStats {
  /** Checkouts since the start: `read` on replicas, the others on the primary by reason. */
  readonly routes: Readonly<Record<PrimaryReason | "read", number>>;
  readonly nodes: Readonly<
    Record<string, { readonly served: number; readonly errors: number; readonly inFlight: number }>
  >;
  readonly bulkhead: RouterStats["primaryReads"] | undefined;
  readonly primaryReads: { readonly running: number; readonly waiting: number };
}

export function statsOf({ bulkhead, routeCounts, registry, primaryReads }: RouterState): RouterStats {
  const nodes = registry.nodes.map(({ name, served, errors, inFlight }) => [name, { served, errors, inFlight }]);
  return {
    routes: { ...routeCounts },
    nodes: Object.fromEntries(nodes) as RouterStats["nodes"],
    bulkhead: bulkhead && permitStats(bulkhead),
    primaryReads: permitStats(primaryReads),
  };
}

const permitStats = ({ running, waiting }: FairSemaphore): RouterStats["primaryReads"] => ({ running, waiting });
