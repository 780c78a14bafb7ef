export {
  type Comparison,
  type CompareOptions,
  compare,
  compareAll,
  type Measured,
  type Side,
  type Variant,
} from "./measure/compare.js";
export { type FaultProxy, type FaultProxyStats, type FaultTarget, startFaultProxy } from "./faults/fault-proxy.js";
export { createDatabase } from "./postgres/database.js";
export { findPostgres, type PostgresProgram } from "./postgres/find.js";
export type { PostgresNode } from "./postgres/node.js";
export { type PostgresCluster, type PostgresOptions, startPostgres } from "./postgres/cluster.js";
export { type Daemon, type DaemonOptions, type Exit, startDaemon } from "./process/daemon.js";
export { freePort } from "./process/free-port.js";
export { isAlive } from "./process/liveness.js";
export { type ProcessPool, type ProcessPoolOptions, startProcessPool } from "./process/process-pool.js";
export { serveWorker, type WorkerContext } from "./process/process-worker.js";
export { seededRandom } from "./random.js";
export { type RedisCluster, type RedisClusterOptions, startRedisCluster } from "./redis/cluster.js";
export { findRedis, type RedisProgram } from "./redis/find.js";
export { type RedisSentinel, type RedisSentinelOptions, startSentinel } from "./redis/sentinel.js";
export { type RedisOptions, type RedisServer, startRedis } from "./redis/server.js";
export {
  type Bound,
  holds,
  type Line,
  runSections,
  type RunSectionsOptions,
  type Section,
  type SectionOptions,
} from "./measure/sections.js";
export { ServerError } from "./server-error.js";
export { waitUntil, type WaitOptions } from "./wait.js";
