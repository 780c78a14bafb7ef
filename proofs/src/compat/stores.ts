import type { Clock } from "@scale/core";
import { memoryStore, type RateLimitStore } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import { type SectionOptions, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";

/** A store of ours for each stage, by the clock of the stage. */
export interface StoreKind {
  readonly name: "memory" | "Redis";
  create(clock: Clock): RateLimitStore;
}

/** Runs `work` with both kinds of stores, in a short run in memory alone. */
export async function* withStores<T>(
  { smoke }: SectionOptions,
  work: (kind: StoreKind) => AsyncIterable<T>,
): AsyncIterable<T> {
  yield* work({ name: "memory", create: (clock) => memoryStore({ clock }) });
  if (smoke) return;
  const server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
  let next = 0;
  try {
    yield* work({
      name: "Redis",
      create: (clock) => redisStore({ redis, clock, prefix: `compat:${next++}`, timeoutMs: 2000 }),
    });
  } finally {
    redis.disconnect();
    await server.stop();
  }
}
