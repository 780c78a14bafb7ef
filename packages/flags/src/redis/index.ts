export { redisSource, type RedisSourceOptions } from "./source.js";
export type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "@scale/core/redis";
