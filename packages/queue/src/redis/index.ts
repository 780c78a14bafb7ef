export { fairBackend, type FairBackendOptions } from "./backend.js";
export type { IoredisClient } from "./connection.js";
export { bullmqNames } from "./open-queue.js";
export { redisStore, type RedisStoreOptions } from "./store.js";
