export { redisStore, type RedisStoreOptions } from "./store.js";
export type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "./subscriber.js";
