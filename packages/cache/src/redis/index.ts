export { redisStore, type RedisStoreOptions } from "./store.js";
export type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "./subscriber.js";
export { trackingFail, type TrackingFailed } from "./tracking-event.js";
