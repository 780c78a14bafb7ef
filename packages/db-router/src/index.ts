export type { Choice } from "./routing/replica-selector.js";
export { BusyError, ClosedError, NoPrimaryError, ShardError } from "./errors.js";
export {
  type BulkheadRefused,
  type BulkheadWait,
  bulkheadRefuse,
  bulkheadWait,
  type DiscoveryFailed,
  discoveryFail,
  type NodeEjected,
  nodeEject,
  type NodeReturned,
  nodeReturn,
  type EjectReason,
  type PrimaryChanged,
  primaryChange,
  type RouteChosen,
  routeChoose,
  type TokenRefusal,
  type TokenRefused,
  tokenRefuse,
} from "./events.js";
export type {
  BulkheadOptions,
  HealthOptions,
  LagOptions,
  PrimaryReadsOptions,
  ReadYourWritesOptions,
  RouterOptions,
} from "./options.js";
export type { GateStats, NodeHealth, RouterHealth, RouterStats } from "./stats.js";
export { createRouter, type Router, type RunOptions } from "./router.js";
export { createShardedRouter, type ShardedRouter, type ShardedRouterOptions } from "./sharded.js";
export type { Session } from "./consistency/session.js";
export type {
  ClientLike,
  Consistency,
  DbNode,
  RouteRequest,
  PoolLike,
  PrimaryReason,
  Route,
  Routing,
  RowsLike,
  Checkout,
} from "./types.js";
