import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { createCache, type Cache, type Definition } from "../src/index.js";
import { redisStore } from "../src/redis/index.js";
import { sleep } from "./database.js";

export interface Ask {
  readonly key: string;
  readonly callers: number;
  readonly loadMs: number;
}

interface Ready {
  readonly cache: Cache;
  readonly redis: Redis;
  readonly row: Definition<Ask, number>;
}

let ready: Ready | undefined;

/** Reads one key with many callers. Redis counts the loads of all processes. */
serveWorker(async (message, { args }) => {
  const { url, prefix, leaseMs } = args as { url: string; prefix: string; leaseMs: number };
  ready ??= open(url, prefix, leaseMs);
  const { cache, row } = ready;
  const ask = message as Ask;
  const acme = cache.tenant("acme");
  const values = await Promise.all(Array.from({ length: ask.callers }, () => acme.get(row, ask)));
  return { values: new Set(values).size, value: values[0] ?? 0 };
});

function open(url: string, prefix: string, leaseMs: number): Ready {
  const redis = new Redis(url);
  const store = redisStore({ redis, subscriber: new Redis(url), prefix, leaseMs, timeoutMs: 5000 });
  const cache = createCache({ store });
  const row = cache.define({
    name: "row",
    key: ({ key }: Ask) => key,
    ttl: "1m",
    async load({ key, loadMs }) {
      const loads = await redis.incr(`${prefix}:loads:${key}`);
      await redis.expire(`${prefix}:loads:${key}`, 60);
      // The test kills the process that is loading.
      await redis.set(`${prefix}:loader:${key}`, process.pid, "EX", 60);
      await sleep(loadMs);
      return loads;
    },
  });
  return { cache, redis, row };
}
