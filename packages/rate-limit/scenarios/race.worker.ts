import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { createRateLimiter } from "../src/index.js";
import { redisStore } from "../src/redis/store.js";
import type { RateLimitStore } from "../src/types.js";
import type { RaceAsk } from "./race.js";

let store: RateLimitStore | undefined;

/** Sends requests as fast as it can, and returns how many were admitted. */
serveWorker(async (message, { args }) => {
  const { url, prefix } = args as { url: string; prefix: string };
  store ??= redisStore({ redis: new Redis(url, { maxRetriesPerRequest: 0 }), prefix, timeoutMs: 5000 });
  const { name, rules, userId, asks, inFlight } = message as RaceAsk;
  // Every refusal is the store's: it must hold against all of the load.
  const limiter = createRateLimiter({ name, rules, store, denialCacheMs: 0 });
  const subject = { tenantId: "acme", ...(userId !== undefined && { userId }) };
  let sent = 0;
  let admitted = 0;
  const ask = async (): Promise<void> => {
    while (sent < asks) {
      sent++;
      // Decides every rule as check does; the slots it takes are never released.
      if ((await limiter.acquire(subject)).allowed) admitted++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, ask));
  limiter.close();
  return admitted;
});
