import { type Line, type SectionOptions, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { keysOf, memoryUse } from "@scale/rate-limit/scenarios";
import { line } from "../bound.js";

const MEGABYTE = 2 ** 20;
const MAX_MEGABYTES = 50;

/** How much memory do a million ids take that occur once, half of which are denied? */
export async function* memory({ smoke }: SectionOptions): AsyncIterable<Line> {
  const ids = smoke ? 5000 : 1_000_000;
  yield* inRedis(ids);
  const use = await memoryUse({ url: "", ids, window: 3_600_000, maxKeys: 50_000 });
  yield line({
    proof: `rate-limit: ${ids} ids that come once, memoryStore of 50,000 keys, heap growth`,
    unit: "MiB",
    value: use.heapGrowthBytes / MEGABYTE,
    bound: { atMost: MAX_MEGABYTES },
  });
}

async function* inRedis(ids: number): AsyncIterable<Line> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const about = `rate-limit: ${ids} ids that come once, on Redis`;
  try {
    const use = await memoryUse({ url: server.url, ids, window: 4000, maxKeys: 0 });
    const { seen, lasting } = await keysOf(redis);
    yield line({ proof: `${about}, denied`, unit: "checks", value: use.denied, bound: { atLeast: 0.9 * ids } });
    yield line({
      proof: `${about}, heap growth`,
      unit: "MiB",
      value: use.heapGrowthBytes / MEGABYTE,
      bound: { atMost: MAX_MEGABYTES },
    });
    yield line({ proof: `${about}, keys found after it`, unit: "keys", value: seen, bound: { atLeast: 1 } });
    yield line({ proof: `${about}, keys without expiry`, unit: "keys", value: lasting, bound: { atMost: 0 } });
    const isEmpty = async (): Promise<boolean> => (await redis.dbsize()) === 0;
    await waitUntil(isEmpty, { what: "every key to expire", timeoutMs: 60_000, everyMs: 100 }).catch(() => undefined);
    yield line({
      proof: `${about}, DBSIZE after the windows`,
      unit: "keys",
      value: await redis.dbsize(),
      bound: { atMost: 0 },
    });
  } finally {
    redis.disconnect();
    await server.stop();
  }
}
