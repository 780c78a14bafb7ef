export { breakerCheck } from "./checks/breaker.js";
export type { BreakerLike, BreakerSource, BreakersLike } from "./checks/breaker-state.js";
export { cacheCheck, type CacheLike } from "./checks/cache.js";
export { diskCheck, type DiskCheckOptions } from "./checks/disk.js";
export { poolCheck, type PoolCheckOptions, type PoolLike } from "./checks/pool.js";
export { queueCheck, type QueueCheckOptions } from "./checks/queue.js";
export { redisCheck, type RedisPing } from "./checks/redis.js";
export { routerCheck, type RouterCheckOptions, type RouterLike, type RouterNodeLike } from "./checks/router.js";
export { storageCheck } from "./checks/storage.js";
export type { Drain } from "./drain/drain.js";
export {
  type KeepAliveFinding,
  type KeepAliveServer,
  keepAliveFindings,
  raiseKeepAlive,
} from "./drain/keep-alive.js";
export type { AttachOptions, DeferOptions, DrainOptions, StartOptions } from "./drain/options.js";
export type { DrainReport, ResourceReport } from "./drain/report.js";
export type { HttpServerLike } from "./drain/server-tracker.js";
export type { DrainSignal, SignalOptions } from "./drain/signals.js";
export { authorizeFail, checkChange, type CheckChanged, drainEnd, drainStart } from "./events.js";
export { createHealth, type Health } from "./health.js";
export type { HeartbeatOptions } from "./live/options.js";
export type { HealthOptions } from "./options.js";
export type {
  CheckContext,
  CheckOptions,
  CheckOutcome,
  CheckReport,
  HealthCheck,
  HealthPhase,
  HealthReport,
  HealthStatus,
  LiveReport,
} from "./types.js";
