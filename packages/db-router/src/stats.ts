import type { FairGate } from "./routing/fair-semaphore.js";
import type { EjectReason } from "./events.js";
import type { NodeEntry } from "./cluster/node-state.js";
import type { Fleet } from "./cluster/node-registry.js";
import type { House } from "./routing/checkout.js";
import type { PrimaryReason } from "./types.js";

export interface NodeHealth {
  readonly name: string;
  /** As it said itself when it last answered. */
  readonly role: "primary" | "replica" | "unknown";
  /** Where statements go to it: `writes`, `reads`, or none. */
  readonly serves: "writes" | "reads" | "nothing";
  /** Why it serves nothing. */
  readonly reason: EjectReason | undefined;
  readonly timeline: number | undefined;
  /** Of a replica, once there is a sample of the primary to compare with. */
  readonly lagBytes: number | undefined;
  readonly lagMs: number | undefined;
  readonly inFlight: number;
  readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
}

export interface RouterHealth {
  readonly name: string;
  readonly isWritable: boolean;
  /** True when reads that demand nothing can be served. */
  readonly isReadable: boolean;
  readonly primary: string | undefined;
  readonly systemId: string | undefined;
  readonly timeline: number;
  readonly nodes: readonly NodeHealth[];
}

export function healthOf({ fleet, name }: House): RouterHealth {
  const nodes = fleet.entries.map((entry) => nodeHealth(entry, fleet));
  const { writer, topology } = fleet;
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

function nodeHealth(entry: NodeEntry, { writer }: Fleet): NodeHealth {
  const { status, lag, node } = entry;
  const { totalCount: total, idleCount: idle, waitingCount: waiting } = node.pool;
  const role = status?.isStandby === true ? "replica" : "primary";
  return {
    name: entry.name,
    role: status === undefined ? "unknown" : role,
    serves: entry === writer ? "writes" : entry.isServing ? "reads" : "nothing",
    reason: entry.reason,
    timeline: status?.timeline,
    lagBytes: lag?.bytes,
    lagMs: lag?.ms,
    inFlight: entry.inFlight,
    pool: { total, idle, waiting },
  };
}

export interface GateStats {
  readonly running: number;
  readonly waiting: number;
}

export interface RouterStats {
  /** Places given since the start: on replicas (`read`), and on the primary by reason. */
  readonly routes: Readonly<Record<PrimaryReason | "read", number>>;
  readonly nodes: Readonly<
    Record<string, { readonly served: number; readonly errors: number; readonly inFlight: number }>
  >;
  readonly bulkhead: GateStats | undefined;
  readonly primaryReads: GateStats;
}

export function statsOf({ bulkhead, counts, fleet, primaryReads }: House): RouterStats {
  const nodes = fleet.entries.map(({ name, served, errors, inFlight }) => [name, { served, errors, inFlight }]);
  return {
    routes: { ...counts },
    nodes: Object.fromEntries(nodes) as RouterStats["nodes"],
    bulkhead: bulkhead && gateStats(bulkhead),
    primaryReads: gateStats(primaryReads),
  };
}

const gateStats = ({ running, waiting }: FairGate): GateStats => ({ running, waiting });
