export type { Session } from "./consistency/session.js";
export type { RunOptions, Sessions } from "./consistency/sessions.js";
export { BusyError, ClosedError, NoPrimaryError, ShardError } from "./errors.js";
export {
  type BulkheadRefused,
  type BulkheadWait,
  bulkheadRefuse,
  bulkheadWait,
  type DiscoveryFailed,
  discoveryFail,
  type EjectReason,
  type NodeEjected,
  nodeEject,
  nodeReturn,
  type PrimaryChanged,
  primaryChange,
  type RouteChosen,
  routeChoose,
  statementEnd,
  type TokenRefusal,
  type TokenRefused,
  tokenRefuse,
} from "./events.js";
export type {
  BulkheadOptions,
  DiscoveryOptions,
  HealthOptions,
  LagOptions,
  PrimaryReadsOptions,
  ReadYourWritesOptions,
  ReplicaSelectionOptions,
  RouterOptions,
} from "./options.js";
export { createRouter, type Router } from "./router.js";
export { createShardedRouter, type ShardedRouter, type ShardedRouterOptions } from "./sharded.js";
export type { NodeHealth, RouterHealth, RouterStats } from "./stats.js";
export type { Consistency, DbNode, PrimaryReason, Route } from "./types.js";
