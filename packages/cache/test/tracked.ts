import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { type Cache, createCache } from "../src/index.js";
import { redisStore, type RedisStoreOptions } from "../src/redis/index.js";

/** The connections of one process. */
export interface Clients extends Required<Pick<RedisStoreOptions, "redis" | "subscriber">> {
  close(): void;
}

/** The clients that can be told by Redis what changes. */
export const kinds: Readonly<Record<string, (url: string) => Promise<Clients>>> = {
  "ioredis 5 with keyPrefix": async (url) => {
    const make = (): Redis5 => new Redis5(url, { keyPrefix: "app:", retryStrategy: () => 20 });
    return pair(make(), make());
  },
  "ioredis 6 with protocol 2": async (url) =>
    pair(new Redis(url), new Redis(url, { protocol: 2, retryStrategy: () => 20 })),
  "node-redis with RESP 2": async (url) => {
    const clients = [createClient({ url }), createClient({ url, RESP: 2 })] as const;
    for (const client of clients) await client.on("error", () => undefined).connect();
    return {
      redis: clients[0],
      subscriber: clients[1],
      close() {
        for (const client of clients) client.destroy();
      },
    };
  },
};

function pair(redis: Redis | Redis5, subscriber: Redis | Redis5): Clients {
  // Tests cut connections on purpose.
  for (const client of [redis, subscriber]) client.on("error", () => undefined);
  return {
    redis,
    subscriber,
    close() {
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

export interface Tracked {
  readonly cache: Cache;
  close(): void;
}

/** One process whose store has tracking. */
export function startTracked({ redis, subscriber, close }: Clients, prefix: string, boundMs: number): Tracked {
  const store = redisStore({ redis, subscriber, prefix, tracking: true, timeoutMs: 500 });
  const cache = createCache({ store, staleness: { bound: boundMs } });
  return {
    cache,
    close() {
      cache.close();
      close();
    },
  };
}

export async function untilServed(...all: readonly Pick<Tracked, "cache">[]): Promise<void> {
  for (const { cache } of all) {
    await waitUntil(() => cache.health().isMemoryServed, { what: "memory is served", everyMs: 2 });
  }
}
