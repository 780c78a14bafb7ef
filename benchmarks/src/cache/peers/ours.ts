import { type Cache, createCache, type Definition, type TenantCache } from "@scale/cache";
import { redisStore } from "@scale/cache/redis";
import { waitUntil } from "@scale/testkit";
import { type CacheNode, type NodeOptions, redis6, type Row, TTL_MS } from "./node.js";

/** Params of a row. */
export interface Params {
  readonly id: string;
}

export interface OurNode extends CacheNode {
  readonly cache: Cache;
  readonly row: Definition<Params, Row>;
  tenant(tenantId: string): TenantCache;
}

interface OurOptions extends NodeOptions {
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /** @default no tags */
  readonly tags?: (id: string) => readonly string[];
}

/** Two connections and a confirmed bus, so that memory is served. */
export async function startOurs(options: OurOptions): Promise<OurNode> {
  const { url, busUrl = url, prefix, load, maxBytes = 512 * 2 ** 20, timeoutMs = 5000, tags } = options;
  const [redis, subscriber] = [redis6(url), redis6(busUrl)];
  const cache = createCache({
    store: redisStore({ redis, subscriber, prefix, timeoutMs }),
    memory: { maxBytes },
  });
  const row = cache.define({
    name: "row",
    key: ({ id }: Params) => id,
    ttl: TTL_MS,
    load: ({ id }) => load(id),
    ...(tags !== undefined && { tags: (value: Row) => tags(value.id) }),
  });
  await waitUntil(() => cache.health().isMemoryServed, { what: "the bus of @scale/cache is confirmed" });
  const acme = cache.tenant("acme");
  return {
    cache,
    row,
    tenant: (tenantId) => cache.tenant(tenantId),
    get: (id) => acme.get(row, { id }),
    del: (id) => acme.invalidate(row, { id }),
    async close() {
      await cache.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}
