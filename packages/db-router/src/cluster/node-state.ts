import type { EjectReason } from "../events.js";
import { type Health, healthy } from "./outlier-ejection.js";
import type { Lsn } from "../postgres/lsn.js";
import type { DbNode, PrimaryReason, Route } from "../types.js";
import type { Lag } from "./lag.js";
import type { NodeStatus } from "../postgres/status.js";

const REASONS: readonly PrimaryReason[] = [
  "write",
  "transaction",
  "pinned",
  "strong",
  "recent-write",
  "no-healthy-replica",
  "read-only-refused",
  "conflict",
];

/** What the router knows of a node. A class, because choosing reads many of its fields for each statement. */
export class NodeEntry {
  readonly node: DbNode;
  readonly weight: number;
  /** Of the last good poll. */
  status: NodeStatus | undefined;
  /** A replica has replayed at least this. */
  lsn: Lsn = -1;
  /** The tick at which the last good poll began. */
  tick = -1;
  polledAtMs: number = -Infinity;
  lag: Lag | undefined;
  health: Health = healthy;
  /** Failed polls in a row. */
  pollFailures = 0;
  /** A connection was lost at this tick: what is known of it may not hold for the server that answers next. */
  lostAt = -1;
  isDraining = false;
  /** May take reads as a replica, apart from what a scope demands. */
  isServing = false;
  /** Why not. */
  reason: EjectReason | undefined = "unknown";
  inFlight = 0;
  served = 0;
  errors = 0;
  /** For the turn of smooth round robin. */
  credit = 0;
  /** Routes are made once for each poll, and not for each statement. */
  readRoute: Route;
  pinnedRoute: Route;
  readonly #primaryRoutes: Readonly<Record<PrimaryReason, Route>>;

  constructor(node: DbNode) {
    this.node = node;
    this.weight = node.weight ?? 1;
    const routes = REASONS.map((reason) => [reason, Object.freeze({ to: "primary", node: node.name, reason })]);
    this.#primaryRoutes = Object.fromEntries(routes) as Record<PrimaryReason, Route>;
    this.readRoute = this.pinnedRoute = { to: "replica", node: node.name, reason: "read", lagMs: 0 };
    this.setLag(undefined);
  }

  get name(): string {
    return this.node.name;
  }

  setLag(lag: Lag | undefined): void {
    this.lag = lag;
    const replica = { to: "replica", node: this.node.name, lagMs: lag?.ms ?? 0 } as const;
    this.readRoute = Object.freeze({ ...replica, reason: "read" });
    this.pinnedRoute = Object.freeze({ ...replica, reason: "pinned" });
  }

  primaryRoute(reason: PrimaryReason): Route {
    return this.#primaryRoutes[reason];
  }
}
