import type { RedisOptions } from "ioredis5";
import { createNotificationPair, Loader, RedisCache } from "layered-loader";
import { type CacheNode, MAX_ITEMS, type NodeOptions, redis5, type Row, TTL_MS } from "./node.js";

interface LayeredOptions extends NodeOptions {
  /** @default true */
  readonly memory?: boolean;
  /** Options of its ioredis client. */
  readonly client?: RedisOptions;
}

/** Memory, Redis and a notification pair, on the ioredis version that it depends on. */
export async function startLayeredLoader(options: LayeredOptions): Promise<CacheNode> {
  const { url, busUrl = url, prefix, load, memory = true, client = {} } = options;
  const redis = redis5(url, client);
  const [publisherRedis, consumerRedis] = [redis5(url, client), redis5(busUrl, client)];
  const { publisher, consumer } = createNotificationPair<Row>({
    channel: `${prefix}-notifications`,
    publisherRedis,
    consumerRedis,
  });
  const loader = new Loader<Row>({
    ...(memory && { inMemoryCache: { ttlInMsecs: TTL_MS, maxItems: MAX_ITEMS } }),
    asyncCache: new RedisCache<Row>(redis, { prefix, json: true, ttlInMsecs: TTL_MS }),
    dataSourceGetOneFn: load,
    ...(memory && { notificationConsumer: consumer, notificationPublisher: publisher }),
  });
  await loader.init();
  return {
    get: (id) => loader.get(id),
    del: (id) => loader.invalidateCacheFor(id),
    async close() {
      for (const each of [redis, publisherRedis, consumerRedis]) each.disconnect();
    },
  };
}
