export { type Batcher, type BatcherOptions, createBatcher } from "./batcher.js";
export { type IoredisLike, isRedisLike, type NodeRedisLike, type RedisLike } from "./client.js";
export { pingRedis } from "./ping.js";
export { integersOf } from "./reply.js";
export {
  createScriptRunner,
  type ScriptCall,
  type ScriptRunner,
  type ScriptRunnerOptions,
} from "./runner.js";
export type { Script } from "./script.js";
export { assertSendsOnce } from "./sends-once.js";
export { redisStall } from "./stall-detector.js";
export {
  type IoredisSubscriber,
  isSubscriberLike,
  type NodeRedisSubscriber,
  type SubscriberLike,
  type Subscription,
  subscription,
} from "./subscriber.js";
