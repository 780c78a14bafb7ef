export { redisRollups, type RedisRollups, type RedisRollupsOptions } from "./rollups.js";
export type { Rollup, RollupPeriod, RollupQuery, Rollups } from "../rollups/types.js";
