export type { Session } from "./consistency/session.js";
export type { RunOptions, Sessions } from "./consistency/sessions.js";
export { AmbiguousError, BusyError, ClosedError, NodeLostError, NoPrimaryError, ShardError } from "./errors.js";
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
export type { ReadyOptions } from "./ready.js";
export { createRouter, type Router } from "./router.js";
export { createShardedRouter, type ShardedRouter, type ShardedRouterOptions } from "./sharded.js";
export type { NodeError, NodeHealth, RouterHealth, RouterStats } from "./stats.js";
export type { Consistency, DbNode, PrimaryReason, Route } from "./types.js";
