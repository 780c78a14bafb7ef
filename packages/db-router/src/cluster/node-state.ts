import type { EjectReason } from "../events.js";
import type { Lsn } from "../postgres/lsn.js";
import type { NodeStatus } from "../postgres/status.js";
import type { DbNode, PrimaryReason, Route } from "../types.js";
import type { Lag } from "./lag.js";
import { type Health, healthy } from "./outlier-ejection.js";

const REASONS: readonly PrimaryReason[] = [
  "write",
  "transaction",
  "pinned",
  "strong",
  "recent-write",
  "no-healthy-replica",
  "read-only-refused",
  "conflict",
  "schema-behind",
];

/** The router's view of one node. A class, because replica selection reads many of its fields for each statement. */
export class NodeState {
  readonly dbNode: DbNode;
  readonly weight: number;
  /** Result of the last successful poll. */
  status: NodeStatus | undefined;
  /** Lower bound of the position that a replica has replayed. */
  lsn: Lsn = -1;
  /** Tick at which the last successful poll began. */
  polledTick = -1;
  polledAtMs: number = -Infinity;
  lag: Lag | undefined;
  health: Health = healthy;
  /** Consecutive failed polls. */
  pollFailures = 0;
  /** Error of the last poll; `undefined` after a successful one. */
  pollError: unknown = undefined;
  /** Monotonic milliseconds since which the node has been unreachable. */
  unreachableSinceMs: number | undefined = undefined;
  /** True when replies of the unreachable node are no longer awaited. */
  isLost = false;
  /** Tick of the last lost connection. The server that answers next may have restarted, so older polls do not count. */
  lostTick = -1;
  isDraining = false;
  /** True for a replica that may take reads, before the demands of a scope are checked. */
  isServingReads = false;
  ineligibleReason: EjectReason | undefined = "unknown";
  inFlight = 0;
  served = 0;
  errors = 0;
  /** Credit for smooth weighted round robin. */
  credit = 0;
  /** Route objects are built once for each poll, not for each statement. */
  readRoute: Route;
  pinnedRoute: Route;
  readonly #primaryRoutes: Readonly<Record<PrimaryReason, Route>>;

  constructor(dbNode: DbNode) {
    const { name: node, weight = 1 } = dbNode;
    this.dbNode = dbNode;
    this.weight = weight;
    const routes = REASONS.map((reason) => [reason, Object.freeze({ to: "primary", node, reason })]);
    this.#primaryRoutes = Object.fromEntries(routes) as Record<PrimaryReason, Route>;
    this.readRoute = this.pinnedRoute = { to: "replica", node, reason: "read", lagMs: 0 };
    this.setLag(undefined);
  }

  get name(): string {
    return this.dbNode.name;
  }

  setLag(lag: Lag | undefined): void {
    this.lag = lag;
    const replica = { to: "replica", node: this.dbNode.name, lagMs: lag?.ms ?? 0 } as const;
    this.readRoute = Object.freeze({ ...replica, reason: "read" });
    this.pinnedRoute = Object.freeze({ ...replica, reason: "pinned" });
  }

  primaryRoute(reason: PrimaryReason): Route {
    return this.#primaryRoutes[reason];
  }
}
