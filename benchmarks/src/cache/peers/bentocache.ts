import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import type { RedisOptions } from "ioredis";
import { type CacheNode, MAX_ITEMS, type NodeOptions, TTL_MS, untilSubscribed } from "./node.js";

interface BentoOptions extends NodeOptions {
  /** Options of its ioredis client. */
  readonly client?: RedisOptions;
}

/** Memory, Redis and a bus, as "multi-tier" in its documentation. */
export async function startBento(options: BentoOptions): Promise<CacheNode> {
  const { load } = options;
  const bento = createBento(options);
  await untilSubscribed();
  return {
    get: (id) => bento.getOrSet({ key: id, factory: () => load(id) }),
    del: (key) => bento.delete({ key }),
    close: () => bento.disconnectAll(),
  };
}

export function createBento({ url, busUrl = url, prefix, client = {} }: BentoOptions) {
  return new BentoCache({
    default: "app",
    ttl: TTL_MS,
    prefix,
    stores: {
      app: bentostore()
        .useL1Layer(memoryDriver({ maxItems: MAX_ITEMS, maxSize: "512mb" }))
        .useL2Layer(redisDriver({ connection: { ...addressOf(url), ...client } }))
        .useBus(redisBusDriver({ connection: { ...addressOf(busUrl), ...client } })),
    },
  });
}

function addressOf(url: string): { host: string; port: number; password: string } {
  const { hostname, port, password } = new URL(url);
  return { host: hostname, port: Number(port), password };
}
