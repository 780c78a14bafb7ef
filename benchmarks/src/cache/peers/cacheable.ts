import KeyvRedis, { createKeyvNonBlocking } from "@keyv/redis";
import { RedisMessageProvider } from "@qified/redis";
import { Cacheable } from "cacheable";
import { type CacheNode, type NodeOptions, TTL_MS, untilSubscribed } from "./node.js";

interface CacheableOptions extends NodeOptions {
  /** "Non-Blocking with @keyv/redis" in its README: does not wait for a Redis that does not answer. @default false */
  readonly nonBlocking?: boolean;
}

/** Its memory, Redis by Keyv, and sync by Qified, as "CacheableSync" in its README. */
export async function startCacheable(options: CacheableOptions): Promise<CacheNode> {
  const { url, busUrl = url, prefix, load, nonBlocking = false } = options;
  const secondary = nonBlocking
    ? createKeyvNonBlocking(url, { namespace: prefix })
    : new KeyvRedis(url, { namespace: prefix });
  secondary.on("error", () => undefined);
  const provider = new RedisMessageProvider({ uri: busUrl });
  const sync = { qified: provider };
  const cache = new Cacheable({ secondary, namespace: prefix, ttl: TTL_MS, nonBlocking, sync });
  cache.on("error", () => undefined);
  await untilSubscribed();
  return {
    get: (id) => cache.getOrSet(id, () => load(id), { ttl: TTL_MS, throwErrors: true }),
    del: (id) => cache.delete(id),
    async close() {
      await Promise.all([cache.disconnect(), provider.disconnect()]);
    },
  };
}
