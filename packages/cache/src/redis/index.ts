export { redisStore, type RedisStoreOptions } from "./store.js";
export type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "@scale/core/redis";
