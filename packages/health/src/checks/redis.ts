import { describeValue } from "@scale/core/kit";
import type { CheckOptions, HealthCheck } from "../types.js";
import { requireMethod } from "./check-options.js";

/** The part of a Redis client that the check calls: ioredis, node-redis, and clusters of both. */
export interface RedisPing {
  ping(): PromiseLike<unknown>;
}

/** Sends `PING`. */
export function redisCheck(redis: RedisPing, options: CheckOptions = {}): HealthCheck {
  requireMethod(redis, "ping", "redisCheck: redis");
  return {
    name: "redis",
    group: "cache",
    ...options,
    async run() {
      const reply = await redis.ping();
      if (String(reply) !== "PONG") throw new Error(`expected PONG, got ${describeValue(reply)}`);
    },
  };
}
