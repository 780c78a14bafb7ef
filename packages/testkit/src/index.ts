export {
  type Comparison,
  type CompareOptions,
  compare,
  compareAll,
  type Measured,
  type Side,
  type Variant,
} from "./measure/compare.js";
export { contextLeaks, type Look, type SharedWork } from "./context-leaks.js";
export { type CpuStarvation, watchCpuStarvation } from "./measure/cpu-starvation.js";
export { type Bound, type Expectation, judge, type Judgement, type Line } from "./measure/line.js";
export { type Answer, type Load, type LoadOptions, percentile, startLoad } from "./measure/load.js";
export { type FaultProxy, type FaultTarget, startFaultProxy } from "./faults/fault-proxy.js";
export type { FaultProxyStats } from "./faults/stats.js";
export { createDatabase } from "./postgres/database.js";
export { findPostgres, type PostgresProgram } from "./postgres/find.js";
export { type ContactsCluster, startContacts } from "./postgres/contacts-cluster.js";
export type { PostgresNode } from "./postgres/node.js";
export { type PostgresCluster, type PostgresOptions, startPostgres } from "./postgres/cluster.js";
export { type Daemon, type DaemonOptions, type Exit, startDaemon } from "./process/daemon.js";
export { bundle } from "./process/bundle.js";
export { packageFile } from "./process/package-file.js";
export { freePort } from "./process/free-port.js";
export { findProgram, type FoundProgram } from "./process/find-program.js";
export { isAlive } from "./process/liveness.js";
export { type ProcessPool, type ProcessPoolOptions, startProcessPool } from "./process/process-pool.js";
export { serveWorker, type WorkerContext } from "./process/process-worker.js";
export {
  type GeneratedPrisma,
  generatePrismaClient,
  type PrismaSchema,
  type PrismaSql,
} from "./prisma/generate-client.js";
export { type PromtoolResult, runPromtool } from "./prometheus/promtool.js";
export {
  type PrometheusOptions,
  type PrometheusServer,
  type ScrapeJob,
  startPrometheus,
} from "./prometheus/server.js";
export type { QueryResult } from "./prometheus/query.js";
export { startVictoriaMetrics, type VictoriaMetricsServer } from "./prometheus/victoria-metrics.js";
export { seededRandom } from "./random.js";
export { type RedisCluster, type RedisClusterOptions, startRedisCluster } from "./redis/cluster.js";
export { findRedis, type RedisProgram } from "./redis/find.js";
export { type RedisSentinel, type RedisSentinelOptions, startSentinel } from "./redis/sentinel.js";
export type { RedisServer } from "./redis/run.js";
export { type RedisOptions, startRedis } from "./redis/server.js";
export {
  runSections,
  type RunSectionsOptions,
  type Section,
  type SectionOptions,
} from "./measure/sections.js";
export { ServerError } from "./server-error.js";
export { waitUntil, type WaitOptions } from "./wait.js";
