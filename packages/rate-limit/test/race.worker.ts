import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { createRateLimiter, type RateLimiter } from "../src/index.js";
import { redisStore } from "../src/redis/store.js";

const rules = { tenant: { limit: 1000, window: "1d" }, user: { limit: 900, window: "1d" } } as const;
let limiter: RateLimiter | undefined;

/** Asks for one user as fast as it can, and answers how many requests were admitted. */
serveWorker(async (message, { args }) => {
  const { url, prefix } = args as { url: string; prefix: string };
  limiter ??= createRateLimiter({ store: redisStore({ redis: new Redis(url), prefix, timeoutMs: 5000 }), rules });
  const { user, requests } = message as { user: string; requests: number };
  const one = limiter;
  const asked = Array.from({ length: requests }, () => one.check({ tenantId: "acme", userId: user }));
  return (await Promise.all(asked)).filter(({ allowed }) => allowed).length;
});
