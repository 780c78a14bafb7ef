import { setImmediate as nextTurn } from "node:timers/promises";
import type { TenantCache } from "@scale/cache";
import { compareAll, type Line, startRedis } from "@scale/testkit";
import { LRUCache } from "lru-cache";
import { type Row, TTL_MS } from "./peers/node.js";
import { type OurNode, type Params, startOurs } from "./peers/ours.js";
import { check, rowOf } from "./rows.js";
import { BATCH, fill, KEYS, keys, params, resultOf, rounds, rowIds, sequence, tenantIds } from "./workload.js";

/** The reads of `hits` without promises, as in a template or a sort, compared with the Map of most caches. */
export async function* peeks(smoke: boolean): AsyncIterable<Line> {
  const redis = await startRedis();
  const ours = await startOurs({ url: redis.url, prefix: "peeks", load: async (id) => rowOf(id) });
  try {
    await fill(ours);
    const sides = await compareAll(variants(ours), rounds(smoke));
    yield resultOf("peek", { ...sides, against: "lru-cache with ttl", gate: { atLeast: 0.5 }, goal: { atLeast: 0.6 } });
  } finally {
    await ours.close();
    await redis.stop();
  }
}

// Written out twice, because V8 would not optimise a function that takes the reader as an argument for either of them.
function variants({ cache, row }: OurNode) {
  const handles = tenantIds.map((tenantId) => cache.tenant(tenantId));
  const lru = new LRUCache<string, Row>({ max: 2 * KEYS, ttl: TTL_MS });
  for (const key of keys) lru.set(key, rowOf(key));
  const next = { ours: 0, peer: 0 };
  return {
    async ours() {
      for (let i = 0; i < BATCH; i++) {
        const at = sequence[next.ours++ & (sequence.length - 1)] as number;
        check((handles[at] as TenantCache).peek(row, params[at] as Params), rowIds[at] as string);
      }
      await nextTurn();
    },
    async peer() {
      for (let i = 0; i < BATCH; i++) {
        const at = sequence[next.peer++ & (sequence.length - 1)] as number;
        check(lru.get(keys[at] as string), keys[at] as string);
      }
      await nextTurn();
    },
  };
}
