export { redisStore, type RedisStoreOptions } from "./store.js";
export type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "./bus/subscriber.js";
export { trackingFail, type TrackingFailed } from "./tracking-event.js";
