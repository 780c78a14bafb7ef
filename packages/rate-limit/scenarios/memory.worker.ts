import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { RateLimitRuleInput } from "@scale/core";
import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { createRateLimiter, memoryStore, type RateLimiter, type RateLimitSubject } from "../src/index.js";
import { redisStore } from "../src/redis/store.js";
import type { RateLimitStore } from "../src/types.js";
import { ALGORITHMS } from "./race.js";

export interface MemoryAsk {
  /** "" for the memory store. */
  readonly url: string;
  readonly ids: number;
  /** Milliseconds. */
  readonly window: number;
  readonly maxKeys: number;
}

export interface MemoryUse {
  readonly checks: number;
  readonly denied: number;
  readonly byDenialCache: number;
  readonly heapGrowthBytes: number;
}

const IN_FLIGHT = 64;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Sends requests for ids that come once, half of which are denied, and returns the heap that is left of them. */
serveWorker(async (message): Promise<MemoryUse> => {
  const { url, ids, window, maxKeys } = message as MemoryAsk;
  const redis = url === "" ? undefined : new Redis(url, { maxRetriesPerRequest: 0 });
  const store = redis === undefined ? memoryStore({ maxKeys }) : redisStore({ redis, timeoutMs: 5000 });
  const limiters = limitersOn(store, window);
  await askAll(limiters, { ids: 2000, prefix: "warm-up" });
  const before = heap();
  const counts = await askAll(limiters, { ids, prefix: "id" });
  const heapGrowthBytes = heap() - before;
  for (const limiter of limiters) limiter.close();
  redis?.disconnect();
  return { ...counts, heapGrowthBytes };
});

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** A limiter for each algorithm, by tenants and by users in turn: the two are kept apart. */
function limitersOn(store: RateLimitStore, window: number): RateLimiter[] {
  return ALGORITHMS.map((algorithm, i) => {
    const by = i % 2 === 0 ? "tenant" : "user";
    const one: RateLimitRuleInput =
      algorithm === "concurrency" ? { algorithm, by, limit: 1, ttl: window } : { algorithm, by, limit: 1, window };
    return createRateLimiter({ name: algorithm, store, rules: { one } });
  });
}

async function askAll(limiters: readonly RateLimiter[], { ids, prefix }: { ids: number; prefix: string }) {
  const counts = { checks: 0, denied: 0, byDenialCache: 0 };
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < ids) {
      const i = next++;
      const limiter = limiters[i % limiters.length];
      const subject: RateLimitSubject = { tenantId: `${prefix}-${i}`, userId: `${prefix}-${i}` };
      const slot = await limiter?.acquire(subject);
      // The store denies the second, and the denial cache denies the third.
      for (let again = 0; again < (i % 2) * 2; again++) {
        const denied = await limiter?.acquire(subject);
        counts.checks++;
        if (denied?.allowed === false) counts.denied++;
        if (denied?.decision.decidedBy === "denial-cache") counts.byDenialCache++;
      }
      counts.checks++;
      await slot?.release();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, ask));
  return counts;
}
