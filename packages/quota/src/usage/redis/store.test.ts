import type { Clock } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeUsageStore } from "../../testing/index.js";
import type { Period } from "../../types.js";
import { memoryUsage } from "../memory-store.js";
import type { OverReserved, UsageStore } from "../store.js";
import { redisUsage, type RedisUsageOptions } from "./store.js";

const url = inject("redisUrl");
const SEED = 20_261_120;
let next = 0;
/** A prefix for each test keeps it apart from all others on the shared server. */
const freshPrefix = (): string => `usage:${process.pid}:${next++}`;

const may: Period = { key: "month-may", startsAt: 1_700_000_000_000, endsAt: 1_702_592_000_000 };
const tokens = { tenantId: "acme", metric: "tokens", period: may };
const of100 = { ...tokens, limit: 100, max: 100 };

const on = (redis: RedisUsageOptions["redis"]) => (clock: Clock) =>
  redisUsage({ redis, prefix: freshPrefix(), clock, timeoutMs: 5000 });

describe.skipIf(!url)("redisUsage", () => {
  const redis = new Redis(url);
  const prefixed = new Redis(url, { keyPrefix: "app:" });
  const redis5 = new Redis5(url);
  const nodeRedis = createClient({ url });
  beforeAll(() => nodeRedis.connect());
  afterAll(() => {
    for (const client of [redis, prefixed, redis5]) client.disconnect();
    nodeRedis.destroy();
  });
  describeUsageStore("ioredis 6", on(redis));
  describeUsageStore("ioredis 6 with keyPrefix", on(prefixed));
  describeUsageStore("ioredis 5", on(redis5));
  describeUsageStore("node-redis", on(nodeRedis));

  it(`returns the same outcomes as memoryUsage for 3,000 random calls (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createManualClock();
    const stores = [memoryUsage({ clock }), redisUsage({ redis, prefix: freshPrefix(), clock, timeoutMs: 5000 })];
    const overs: OverReserved[] = ["reject", "cap", "overflow"];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.3) clock.advance(pick(2000));
      const max = 20 + pick(3) * 30;
      // A new period, before all room is used.
      const period = { ...may, key: `month-${step >> 6}` };
      const change = () => ({ metric: `m${pick(2)}`, period, units: pick(15), limit: max - pick(20), max });
      const address = { tenantId: `t${pick(2)}` };
      const [first, id, ttlMs, over] = [change(), `id${pick(6)}`, 1 + pick(4000), overs[pick(3)] ?? "cap"];
      const changes = random() < 0.3 ? [first, { ...first, metric: "third" }] : [first];
      const what = pick(6);
      const call = async (store: UsageStore): Promise<unknown> => {
        if (what === 0) return store.reserve({ ...address, id, ttlMs, changes });
        if (what === 1) return store.reserve({ ...address, id, ttlMs, changes: [first] });
        if (what === 2 || what === 3) return store.commit({ ...address, ...first, id, over });
        if (what === 4) return store.release({ ...address, ...first, id });
        return store.consume({ ...address, ...(step % 2 === 0 && { id }), changes });
      };
      const outcomes: unknown[] = [];
      for (const store of stores) {
        const outcome = await call(store);
        outcomes.push({ outcome, read: await store.read({ ...address, metrics: [first] }) });
      }
      expect({ step, what, ...(outcomes[1] as object) }).toEqual({ step, what, ...(outcomes[0] as object) });
    }
  });

  it(`never admits more than the limit, in any order of calls (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createManualClock();
    const store = redisUsage({ redis, prefix: freshPrefix(), clock, timeoutMs: 5000 });
    let late = 0;
    let most = 0;
    for (let step = 0; step < 2000; step++) {
      clock.advance(pick(500));
      const change = { ...of100, id: `${pick(40)}:${step >> 9}`, units: 1 + pick(30) };
      if (random() < 0.5) await store.reserve({ ...change, ttlMs: 1 + pick(5000), changes: [change] });
      else if (random() < 0.3) await store.release(change);
      else {
        const outcome = await store.commit({ ...change, units: pick(50), over: random() < 0.5 ? "cap" : "reject" });
        if (outcome.late && !outcome.repeated) late += outcome.recorded;
      }
      const [status] = await store.read({ tenantId: "acme", metrics: [tokens] });
      const { used = 0, held = 0 } = status ?? {};
      most = Math.max(most, used - late + held);
      expect(most).toBeLessThanOrEqual(100);
    }
    expect(most).toBeGreaterThan(20);
  });
});

describe.skipIf(!url)("redisUsage on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([...cluster.addresses]);
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  describeUsageStore("3 masters", (clock) => on(client)(clock));
});
