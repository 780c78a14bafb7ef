import { createCache } from "@scale/cache";
import { redisStore } from "@scale/cache/redis";
import { type Line, startRedis, waitUntil, compareAll } from "@scale/testkit";
import { line } from "../gate.js";
import { redis6, type Row, TTL_MS } from "./peers/node.js";
import { check, rowOf } from "./rows.js";

const CONCURRENCY = 50;
/** Rows of one measured iteration. */
const PIECE = 2000;

/**
 * Throughput of misses: 50 callers read rows that are neither in memory nor in Redis. The loader returns at once, and an
 * iteration of 2,000 rows ends when Redis has all of them. The peer is hand-written code, GET and then SET with a ttl, which
 * neither loads once nor refuses outdated values.
 */
export async function* fills(smoke: boolean): AsyncIterable<Line> {
  const redis = await startRedis();
  const ours = await oursOn(redis.url);
  const byHand = byHandOn(redis.url);
  try {
    const piece = smoke ? 50 : PIECE;
    const variants = { ours: () => ours.fill(piece), peer: () => byHand.fill(piece) };
    const { ours: side, peer } = await compareAll(variants, {
      iterations: smoke ? 1 : 3,
      rounds: smoke ? 1 : 21,
      warmup: smoke ? 0 : 3,
    });
    yield line({
      bench: `cache: rows loaded and stored in Redis, concurrency ${CONCURRENCY}`,
      unit: "rows/s",
      ours: side.opsPerSecond * piece,
      peer: peer.opsPerSecond * piece,
      against: "GET, then SET PX, ioredis 6 autopipelined",
      ratio: peer.ratio / side.ratio,
      gate: { atLeast: 0.75 },
      goal: { atLeast: 0.85 },
    });
  } finally {
    ours.close();
    byHand.close();
    await redis.stop();
  }
}

interface Filler {
  /** Resolves when Redis has this number of further rows. */
  fill(rows: number): Promise<void>;
  close(): void;
}

async function oursOn(url: string): Promise<Filler> {
  const [redis, subscriber] = [redis6(url), redis6(url)];
  const store = redisStore({ redis, subscriber, timeoutMs: 5000 });
  // A reader gets its value before the store has it, so the fills are counted at the store.
  const stored = counter();
  const fillIn: typeof store.fillIn = async (lease, content) => {
    const isStored = await store.fillIn(lease, content);
    if (isStored) stored.add();
    return isStored;
  };
  const cache = createCache({ store: { ...store, fillIn } });
  const row = cache.define<string, Row>({ name: "row", key: (id) => id, ttl: TTL_MS, load: (id) => rowOf(id) });
  const acme = cache.tenant("acme");
  await waitUntil(() => cache.health().isMemoryServed, { what: "the bus is confirmed" });
  const nextId = idsWith("ours");
  return {
    async fill(rows) {
      const all = stored.after(rows);
      await inTurn(rows, async () => {
        const id = nextId();
        check(await acme.get(row, id), id);
      });
      await all;
    },
    close() {
      void cache.close();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

function byHandOn(url: string): Filler {
  const redis = redis6(url, true);
  const nextId = idsWith("hand");
  const get = async (id: string): Promise<Row> => {
    const text = await redis.get(id);
    if (text !== null) return JSON.parse(text) as Row;
    const row = await rowOf(id);
    await redis.set(id, JSON.stringify(row), "PX", TTL_MS);
    return row;
  };
  return {
    fill: (rows) =>
      inTurn(rows, async () => {
        const id = nextId();
        check(await get(id), id);
      }),
    close: () => redis.disconnect(),
  };
}

function idsWith(prefix: string): () => string {
  let next = 0;
  return () => `${prefix}-${next++}`;
}

/** A closed loop of this number of calls. */
async function inTurn(calls: number, call: () => Promise<void>): Promise<void> {
  let left = calls;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

function counter(): { add(): void; after(count: number): Promise<void> } {
  let left = 0;
  let done = (): void => undefined;
  return {
    add: () => void (--left === 0 && done()),
    after: (count) =>
      new Promise((resolve) => {
        left = count;
        done = resolve;
      }),
  };
}
