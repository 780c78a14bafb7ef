export { fairBackend, type FairBackendOptions } from "./backend.js";
export type { IoredisClient } from "./connection.js";
export { bullmqNames, redisStore, type RedisStoreOptions } from "./store.js";
