import { createKeyv as createKeyvRedis } from "@keyv/redis";
import { createCache } from "cache-manager";
import { createKeyv } from "cacheable";
import { type CacheNode, MAX_ITEMS, type NodeOptions, TTL_MS } from "./node.js";

/** Memory and Redis, as in its README. It has no bus. */
export async function startCacheManager({ url, prefix, load }: NodeOptions): Promise<CacheNode> {
  const memory = createKeyv({ lruSize: MAX_ITEMS });
  const redis = createKeyvRedis(url, { namespace: prefix });
  redis.on("error", () => undefined);
  const cache = createCache({ stores: [memory, redis], ttl: TTL_MS });
  return {
    get: (id) => cache.wrap(id, () => load(id), { ttl: TTL_MS }),
    del: (id) => cache.del(id),
    async close() {
      await cache.disconnect();
    },
  };
}
