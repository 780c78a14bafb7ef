import { startFaultProxy, type FaultProxy, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { type Cache, type CacheOptions, createCache } from "../src/index.js";
import { redisStore, type RedisStoreOptions } from "../src/redis/index.js";

/** One process of an application: its cache and its connections. */
export interface Node {
  readonly cache: Cache;
  readonly redis: Redis;
  readonly subscriber: Redis;
  close(): void;
}

type NodeOptions = Omit<CacheOptions, "store"> & Omit<RedisStoreOptions, "redis" | "subscriber">;

function connect(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  // Tests cut connections on purpose.
  redis.on("error", () => undefined);
  return redis;
}

export function startNode(url: string, options: NodeOptions & { busUrl?: string }): Node {
  const { prefix, timeoutMs = 500, leaseMs, busUrl = url, ...rest } = options;
  const redis = connect(url);
  const subscriber = connect(busUrl);
  const store = redisStore({
    redis,
    subscriber,
    timeoutMs,
    ...(prefix !== undefined && { prefix }),
    ...(leaseMs !== undefined && { leaseMs }),
  });
  const cache = createCache({ store, ...rest });
  return {
    cache,
    redis,
    subscriber,
    close() {
      void cache.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

export async function untilServed(...nodes: readonly Node[]): Promise<void> {
  for (const { cache } of nodes) {
    await waitUntil(() => cache.health().isMemoryServed, { what: "memory is served", everyMs: 2 });
  }
}

/** A promise that the test resolves. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export { startFaultProxy, type FaultProxy };
