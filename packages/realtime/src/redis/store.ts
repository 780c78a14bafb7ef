import { StoreError } from "@scale/core";
import { parseOptions, prefixOption, redisOption, tenantKey, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { RealtimeStore } from "../types.js";
import { add } from "./scripts.gen.js";

export interface RedisStoreOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. The application connects and closes it. */
  readonly redis: RedisLike;
  /**
   * First part of every key.
   * @default "scale:realtime"
   */
  readonly prefix?: string;
  /**
   * Deadline of one call, in milliseconds.
   * @default 50
   */
  readonly timeoutMs?: number;
}

const TTL_MS = 86_400_000;

const optionsSchema = z.strictObject({
  redis: redisOption,
  prefix: prefixOption("scale:realtime"),
  timeoutMs: timeoutOption(50),
});

/** Keeps totals in Redis, for all processes that share the server and the prefix. */
export function redisStore(options: RedisStoreOptions): RealtimeStore {
  const { redis, prefix, timeoutMs } = parseOptions(optionsSchema, options, "redisStore");
  const runner = createScriptRunner({ redis, timeoutMs });
  return {
    async add(tenantId, units) {
      const keys = [tenantKey(prefix, tenantId, ["total"])];
      const total = await runner.run(add, { keys, args: [String(units), String(TTL_MS)] });
      if (typeof total !== "number") throw new StoreError("Redis script add: expected a number in the reply");
      return total;
    },
  };
}
