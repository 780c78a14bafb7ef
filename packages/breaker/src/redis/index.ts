export { redisShare, type RedisShareOptions } from "./share.js";
