import { createPlanResolver, definePlans } from "@scale/core";
import { type FaultProxy, type RedisServer, startFaultProxy, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { createRateLimiter, type RateLimiter } from "../src/index.js";
import { redisStore } from "../src/redis/store.js";

export const TIMEOUT_MS = 50;

/** The answer of each group of rules while the store is down: see `FailurePolicies`. */
export const WHEN_DOWN = {
  open: "policy allows",
  closed: "policy denies",
  local: "local allows",
  failing: "throws SCALE_STORE",
  "one-closed": "policy denies",
  "one-failing": "throws SCALE_STORE",
  "one-local": "local allows",
  slots: "local allows",
  leased: "policy allows",
} as const;

export type Group = keyof typeof WHEN_DOWN;
export const GROUPS = Object.keys(WHEN_DOWN) as readonly Group[];

// So large that the limits themselves deny nothing: a denial is then the policy's.
const much = { limit: 1_000_000_000, window: "1h", by: "tenant" } as const;
const open = { ...much, whenStoreFails: "allow" } as const;
const closed = { ...much, algorithm: "fixed-window", whenStoreFails: "deny" } as const;
const local = { ...much, algorithm: "sliding-window", whenStoreFails: "local" } as const;
const failing = { ...much, algorithm: "strict-window", whenStoreFails: "throw" } as const;
const slots = { algorithm: "concurrency", by: "tenant", limit: 1_000_000, ttl: "1h", whenStoreFails: "local" } as const;

const plans = definePlans({
  all: {
    rateLimit: {
      rules: { tenant: much },
      groups: {
        ...{ open: { open }, closed: { closed }, local: { local }, failing: { failing } },
        "one-closed": { open, closed, local },
        "one-failing": { closed, failing, local, open },
        "one-local": { open, local },
        slots: { slots },
        leased: { leased: { ...open, lease: 20 } },
        // This process has a quarter of it.
        share: { share: { ...local, limit: 40 } },
      } satisfies Record<Group | "share", object>,
    },
  },
});

/** A limiter with rules of every policy, on a Redis of its own behind a proxy. */
export interface FaultStage {
  readonly server: RedisServer;
  readonly proxy: FaultProxy;
  readonly limiter: RateLimiter;
  /** Errors that the limiter reported. */
  readonly reported: () => number;
  /** Runs a function with a connection of its own to the server. */
  admin<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function startFaultStage(): Promise<FaultStage> {
  const server = await startRedis();
  const proxy = await startFaultProxy(server.url);
  // As an application would have it. Without socketTimeout no client finds out about a connection that swallows all.
  const redis = new Redis(proxy.url, { socketTimeout: 500, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  const { limiter, reported } = limiterOn(redis);
  return {
    ...{ server, proxy, limiter, reported },
    async admin(work) {
      const client = new Redis(server.url);
      try {
        return await work(client);
      } finally {
        client.disconnect();
      }
    },
    async close() {
      limiter.close();
      redis.disconnect();
      await proxy.close();
      await server.stop();
    },
  };
}

/** The stage's limiter on any client. */
export function limiterOn(redis: Parameters<typeof redisStore>[0]["redis"]): Pick<FaultStage, "limiter" | "reported"> {
  let errors = 0;
  const limiter = createRateLimiter({
    plans: createPlanResolver({ plans, lookup: () => "all" }),
    store: redisStore({ redis, timeoutMs: TIMEOUT_MS }),
    instances: 4,
    onStoreError: () => errors++,
  });
  return { limiter, reported: () => errors };
}
