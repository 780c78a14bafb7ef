import { type Clock, isScaleError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeUsageStore } from "../../testing/index.js";
import type { OverReserved, Period } from "../../types.js";
import { memoryUsage } from "../memory-store.js";
import type { CancelInput, ConsumeInput, UsageStore } from "../store.js";
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

  it("reads the replies of a client with stringNumbers", async () => {
    const strings = new Redis(url, { stringNumbers: true });
    const store = redisUsage({ redis: strings, prefix: freshPrefix(), timeoutMs: 5000 });
    const changes = [{ ...of100, units: 90 }];
    const call = { tenantId: "acme", id: "a", call: "c1", changes };
    expect(await store.reserve({ ...call, ttlMs: 60_000 })).toMatchObject({ admitted: true, changes: [{ held: 90 }] });
    expect(await store.commit({ ...of100, units: 85, id: "a", over: "cap" })).toMatchObject({
      used: 85,
      reached: [0.8],
    });
    await expect(store.consume(call)).rejects.toMatchObject({ code: "SCALE_IDEMPOTENCY" });
    await store.cancel({ ...call, id: "b" });
    await expect(store.consume({ ...call, id: "b" })).rejects.toMatchObject({ code: "SCALE_STORE" });
    expect(await store.consume({ tenantId: "acme", changes })).toMatchObject({
      admitted: false,
      changes: [{ used: 85 }],
    });
    expect(await store.credit({ ...tokens, id: "a", units: 5 })).toEqual({ units: 5, repeated: false, used: 80 });
    expect(await store.read({ tenantId: "acme", metrics: [tokens] })).toMatchObject([{ used: 80, held: 0 }]);
    strings.disconnect();
  });

  it(`returns the same outcomes as memoryUsage for 2,500 random calls (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createManualClock();
    const stores = [memoryUsage({ clock }), redisUsage({ redis, prefix: freshPrefix(), clock, timeoutMs: 5000 })];
    const overs: OverReserved[] = ["reject", "cap", "overflow"];
    const kinds: Record<string, number> = {};
    const sent: (CancelInput & ConsumeInput & { readonly ttlMs: number })[] = [];
    for (let step = 0; step < 2500; step++) {
      if (random() < 0.3) clock.advance(pick(2000));
      const max = 20 + pick(3) * 30;
      // A new period, before all room is used. Late calls are of the one before.
      const period = { ...may, key: `month-${(step >> 6) - (random() < 0.1 ? 1 : 0)}` };
      const change = () => ({ metric: `m${pick(2)}`, period, units: pick(4) * 5, limit: max - pick(20), max });
      const address = { tenantId: `t${pick(2)}` };
      const [first, id, ttlMs, over] = [change(), `id${pick(6)}`, 1 + pick(4000), overs[pick(3)] ?? "cap"];
      const changes = random() < 0.3 ? [first, { ...first, metric: "third" }] : [first];
      const call = `c${step}`;
      const what = pick(10);
      if (what < 4)
        sent.push({ ...address, call, ttlMs: what < 2 ? ttlMs : 0, ...(step % 2 === 0 && { id }), changes });
      // A call of a moment ago, which a client sends again, or whose caller gives up.
      const earlier = sent.at(-1 - pick(8));
      const run = async (store: UsageStore): Promise<unknown> => {
        const again = what < 4 ? sent.at(-1) : what === 4 ? earlier : undefined;
        if (again !== undefined) {
          const { id: named = `own${step}`, ttlMs: forMs, ...input } = again;
          return forMs === 0 ? store.consume(again) : store.reserve({ ...input, id: named, ttlMs: forMs });
        }
        if (what === 5 && earlier !== undefined) return store.cancel(earlier);
        if (what === 6) return store.release({ ...address, ...first, id, ...(step % 2 === 0 && earlier) });
        if (what === 7 && step % 4 === 0) return store.credit({ ...address, ...first, id });
        return store.commit({ ...address, ...first, id, over });
      };
      const outcomes: unknown[] = [];
      for (const store of stores) {
        const outcome = await run(store).catch((error: unknown) => {
          if (!isScaleError(error)) throw error;
          kinds[error.code] = (kinds[error.code] ?? 0) + 1;
          return error.code;
        });
        outcomes.push({ outcome, read: await store.read({ ...address, metrics: [first] }) });
      }
      expect({ step, what, ...(outcomes[1] as object) }).toEqual({ step, what, ...(outcomes[0] as object) });
    }
    expect(Object.keys(kinds).toSorted()).toEqual(["SCALE_IDEMPOTENCY", "SCALE_STORE"]);
  });

  it(`never admits more than the limit, in any order of calls (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createManualClock();
    const store = redisUsage({ redis, prefix: freshPrefix(), clock, timeoutMs: 5000 });
    let late = 0;
    let most = 0;
    for (let step = 0; step < 1500; step++) {
      clock.advance(pick(500));
      const change = { ...of100, id: `${pick(40)}:${step >> 9}`, units: 1 + pick(30) };
      const reserve = () => store.reserve({ ...change, ttlMs: 1 + pick(5000), changes: [change] });
      // The id may be held with other units.
      if (random() < 0.5)
        await reserve().catch((error: unknown) => {
          if (!isScaleError(error, "SCALE_IDEMPOTENCY")) throw error;
        });
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
