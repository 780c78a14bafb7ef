import { AsyncLocalStorage, executionAsyncId } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TenantCache } from "@scale/cache";
import { type Bound, compareAll, type Line, startRedis } from "@scale/testkit";
import { startBento } from "./peers/bentocache.js";
import { startCacheable } from "./peers/cacheable.js";
import { startLayeredLoader } from "./peers/layered-loader.js";
import { type CacheNode, type NodeOptions, type Row, type StartNode } from "./peers/node.js";
import { type OurNode, type Params, startOurs } from "./peers/ours.js";
import { check, rowOf } from "./rows.js";
import { BATCH, countHits, fill, keys, params, resultOf, rounds, rowIds, sequence, tenantIds } from "./workload.js";

/**
 * The hot path of a request: rows of ten tenants in the memory of this process, read one after the other. The event loop turns
 * after a thousand. All caches have memory, Redis and a working bus. Ours also counts the hits of each tenant.
 */
export async function* hits(smoke: boolean): AsyncIterable<Line> {
  const redis = await startRedis();
  const open: CacheNode[] = [];
  const start = async <N extends CacheNode>(startNode: (options: NodeOptions) => Promise<N>, prefix: string) => {
    const node = await startNode({ url: redis.url, prefix, load: async (id) => rowOf(id) });
    open.push(node);
    return node;
  };
  try {
    yield* awaited(await start(startOurs, "ours"), start, smoke);
  } finally {
    await Promise.all(open.map((node) => node.close()));
    await redis.stop();
  }
}

type Start = (start: StartNode, prefix: string) => Promise<CacheNode>;

/**
 * Measured twice: before Node 24 every promise of a process takes about twice as long after any code in it has used
 * AsyncLocalStorage, as a tracer does, or the tenancy in which our loads run. That slows all caches alike.
 */
async function* awaited(ours: OurNode, start: Start, smoke: boolean): AsyncIterable<Line> {
  const variants = await contenders(ours, start);
  for (const isTraced of [await hasPromiseHooks(), true]) {
    if (isTraced) new AsyncLocalStorage().run({}, () => undefined);
    const how = isTraced ? "awaited hit, AsyncLocalStorage in use" : "awaited hit";
    const assertOnlyHits = countHits(ours);
    const sides = await compareAll(variants, rounds(smoke));
    assertOnlyHits();
    const result = (peer: keyof typeof variants, against: string, gate?: Bound) =>
      resultOf(how, { ours: sides.ours, peer: sides[peer], against, gate });
    yield result("layered", "layered-loader", { atLeast: 0.9 });
    yield result("bento", "bentocache", isTraced ? undefined : { atLeast: 25 });
    yield result("cacheable", "cacheable", isTraced ? undefined : { atLeast: 25 });
    yield result("map", "await of a Map's get");
    const perHit = { ours: sides.perHit, peer: sides.layered, against: "layered-loader" };
    yield resultOf(`${how}, a handle for each`, perHit);
  }
}

/** Every cache reads every row before the measurement, so all measured reads are hits. */
async function contenders(ours: OurNode, start: Start) {
  await fill(ours);
  const { cache, row } = ours;
  const handles = tenantIds.map((tenantId) => cache.tenant(tenantId));
  const map = new Map<string, Row>(keys.map((key) => [key, rowOf(key)]));
  const peer = async (startNode: StartNode, prefix: string) => {
    const node = await start(startNode, prefix);
    for (const key of keys) await node.get(key);
    return batches(keys, (at) => node.get(keys[at] as string));
  };
  return {
    ours: batches(rowIds, (at) => (handles[at] as TenantCache).get(row, params[at] as Params)),
    perHit: batches(rowIds, (at) => cache.tenant(tenantIds[at]).get(row, params[at] as Params)),
    map: batches(keys, async (at) => map.get(keys[at] as string)),
    layered: await peer(startLayeredLoader, "layered"),
    bento: await peer(startBento, "bento"),
    cacheable: await peer(startCacheable, "cacheable"),
  };
}

/** @param expected ids of the rows, by index */
function batches(expected: readonly string[], read: (at: number) => Promise<unknown>): () => Promise<void> {
  let next = 0;
  return async () => {
    for (let i = 0; i < BATCH; i++) {
      const at = sequence[next++ & (sequence.length - 1)] as number;
      check(await read(at), expected[at] as string);
    }
    await nextTurn();
  };
}

/** Without promise hooks a promise has no async id. */
const hasPromiseHooks = (): Promise<boolean> => Promise.resolve().then(() => executionAsyncId() !== 0);
