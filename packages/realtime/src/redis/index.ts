export { redisHub, type RedisHubOptions } from "./hub.js";
