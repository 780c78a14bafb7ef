import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type FaultProxy, startFaultProxy } from "../../../scenarios/node.js";
import { type BentocacheDriver, bentocacheDriver } from "./index.js";
import { keysOf } from "./keys.js";

const url = inject("redisUrl");
let next = 0;

describe("keysOf", () => {
  it("creates different keys for different namespaces", () => {
    const paths = [[], ["a"], ["a", "b"], ["a:b"], ["a", "b:c"], ["*"], [""], ["", ""], ["%3a"]];
    const keys = ["c", "b:c", "", "a", "a:b", ":", "%3a", "g"];
    const all = ["", "%", "a", "a:b", "}"].flatMap((store) =>
      paths.flatMap((path) => keys.map((key) => keysOf("p", store, path).entry(key))),
    );
    const generations = ["", "%", "a"].flatMap((store) =>
      paths.map((path) => keysOf("p", store, path).generations.at(-1)),
    );
    expect(new Set([...all, ...generations]).size).toBe(all.length + generations.length);
  });
});

describe.skipIf(!url)("bentocacheDriver", () => {
  let redis: Redis;
  let proxy: FaultProxy;
  let prefix: string;
  beforeAll(async () => {
    redis = new Redis(url);
    proxy = await startFaultProxy(url);
  });
  afterAll(async () => {
    redis.disconnect();
    await proxy.close();
  });
  beforeEach(() => {
    prefix = `bento:${process.pid}:${next++}`;
  });

  const driver = (storePrefix = "app"): BentocacheDriver =>
    bentocacheDriver({ redis, prefix, timeoutMs: 500 }).factory({ prefix: storePrefix });

  it("behaves as a driver of bentocache", async () => {
    const cache = driver();
    expect(await cache.get("k")).toBeUndefined();
    expect(await cache.set("k", "a|b.c é\0")).toBe(true);
    expect(await cache.get("k")).toBe("a|b.c é\0");
    expect([await cache.pull("k"), await cache.pull("k"), await cache.get("k")]).toEqual([
      ...["a|b.c é\0", undefined, undefined],
    ]);
    await cache.set("a", "");
    await cache.set("b", "2");
    expect([await cache.get("a"), await cache.delete("a"), await cache.delete("a")]).toEqual(["", true, false]);
    expect([
      await cache.deleteMany(["a", "b"]),
      await cache.deleteMany(["a", "b"]),
      await cache.deleteMany([]),
    ]).toEqual([...[true, false, false]]);
    const many = Array.from({ length: 1200 }, (_, i) => `m${i}`);
    await Promise.all(many.map((key) => cache.set(key, "1")));
    expect(await cache.deleteMany(many)).toBe(true);
    expect(await redis.keys(`${prefix}*:e:*`)).toEqual([]);
    await cache.disconnect();
    expect(redis.status).toBe("ready");
  });

  it("keeps an entry for its ttl, and none without a limit", async () => {
    const cache = bentocacheDriver({ redis, prefix, timeoutMs: 500, maxTtl: "1h" }).factory({ prefix: "app" });
    await cache.set("short", "1", 5000.5);
    await cache.set("none", "1");
    await cache.set("zero", "1", 0);
    await cache.set("long", "1", 1e12);
    await cache.set("past", "1", -5);
    const left = async (key: string) => Math.round((await redis.pttl(keysOf(prefix, "app", []).entry(key))) / 1000);
    expect(await Promise.all(["short", "none", "zero", "long"].map(left))).toEqual([5, 3600, 3600, 3600]);
    await expect.poll(() => cache.get("past")).toBeUndefined();
    const keys = await redis.keys(`${prefix}*`);
    expect(Math.min(...(await Promise.all(keys.map((key) => redis.pttl(key)))))).toBeGreaterThan(0);
    // A generation outlives the entries that name it.
    const generation = await redis.pttl(`${prefix}:{app}:g`);
    expect(generation).toBeGreaterThan(3_600_000);
    await driver().set("longest", "1", 8 * 3_600_000);
    expect(await redis.pttl(`${prefix}:{app}:g`)).toBeGreaterThan(8 * 3_600_000);
  });

  it("clears a namespace and the namespaces in it, and nothing else", async () => {
    const root = driver();
    const [a, b, other] = [root.namespace("a"), root.namespace("a").namespace("b"), driver("app2")];
    const flat = root.namespace("a:b");
    const star = root.namespace("*");
    const all = [root, a, b, flat, star, other];
    const fill = () => Promise.all(all.map((each, i) => each.set("k", String(i))));
    const read = () => Promise.all(all.map((each) => each.get("k")));
    await fill();
    expect(await read()).toEqual(["0", "1", "2", "3", "4", "5"]);
    await star.clear();
    expect(await read()).toEqual(["0", "1", "2", "3", undefined, "5"]);
    await a.clear();
    expect(await read()).toEqual(["0", undefined, undefined, "3", undefined, "5"]);
    await root.clear();
    expect(await read()).toEqual([...Array.from({ length: 5 }, () => undefined), "5"]);
    await fill();
    expect(await read()).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(await b.delete("k")).toBe(true);
  });

  it("neither reads nor counts cleared entries, whatever Redis evicts", async () => {
    const a = driver().namespace("a");
    await Promise.all(["k", "l", "m"].map((key) => a.set(key, "1")));
    await redis.del(`${prefix}:{app}:g`);
    expect(await a.get("k")).toBeUndefined();
    await a.set("other", "1");
    expect([await a.get("k"), await a.delete("l"), await a.pull("m")]).toEqual([undefined, false, undefined]);
  });

  it("deletes a value that Redis has written after the deadline, when a newer one may be there", async () => {
    const client = new Redis(proxy.url);
    await client.ping();
    const late = bentocacheDriver({ redis: client, prefix, timeoutMs: 100 }).factory({ prefix: "app" });
    proxy.stall();
    await expect(late.set("k", "old")).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    await driver().set("k", "new");
    proxy.unstall();
    await expect.poll(() => driver().get("k")).toBeUndefined();
    client.disconnect();
  });

  it("works with node-redis", async () => {
    const client = createClient({ url });
    await client.connect();
    const cache = bentocacheDriver({ redis: client, prefix, timeoutMs: 500 }).factory({});
    await cache.set("k", "1");
    expect([await cache.get("k"), await cache.get("none"), await cache.pull("k")]).toEqual(["1", undefined, "1"]);
    client.destroy();
  });

  it("refuses unknown options", () => {
    expect(() => bentocacheDriver({ redis, timeout: 5 } as never)).toThrow("timeout");
    expect(() => bentocacheDriver({ redis, maxTtl: "never" as never })).toThrow("a duration");
  });

  describe("as the L2 of bentocache", () => {
    const bentos: { disconnectAll(): Promise<void> }[] = [];
    afterEach(async () => {
      for (const bento of bentos.splice(0)) await bento.disconnectAll();
    });

    function start(client: Redis, options: { timeoutMs?: number; hasMemory?: boolean } = {}) {
      const { timeoutMs = 500, hasMemory = false } = options;
      const store = bentostore().useL2Layer(bentocacheDriver({ redis: client, prefix, timeoutMs }));
      if (hasMemory) store.useL1Layer(memoryDriver({ maxItems: 100 }));
      const bento = new BentoCache({ default: "app", stores: { app: store }, suppressL2Errors: true });
      bentos.push(bento);
      return bento;
    }

    it("shares values, tags and namespaces between processes", async () => {
      const [one, two] = [start(redis), start(redis)];
      let loads = 0;
      const read = (bento: typeof one, key: string) =>
        bento.namespace("acme").getOrSet({ key, factory: async () => ({ n: ++loads }), tags: ["t"], ttl: "1m" });
      expect([await read(one, "k"), await read(two, "k")]).toEqual([{ n: 1 }, { n: 1 }]);
      await two.namespace("acme").deleteByTag({ tags: ["t"] });
      expect(await read(one, "k")).toEqual({ n: 2 });
      await one.namespace("acme").clear();
      expect(await read(two, "k")).toEqual({ n: 3 });
      await two.clear();
      expect(await read(one, "k")).toEqual({ n: 4 });
      await one.setForever({ key: "for-ever", value: 1 });
      expect(await two.get({ key: "for-ever" })).toBe(1);
      expect(await two.namespace("*").get({ key: "for-ever" })).toBeUndefined();
    });

    it("does not return an entry of one namespace in another", async () => {
      const bento = start(redis);
      await bento.namespace("a").set({ key: "b:c", value: "secret" });
      expect(await bento.namespace("a:b").get({ key: "c" })).toBeUndefined();
      expect(await bento.namespace("a").namespace("b").get({ key: "c" })).toBeUndefined();
    });

    it.each([true, false])("settles within the deadline while Redis stalls, with memory: %s", async (hasMemory) => {
      const client = new Redis(proxy.url);
      await client.ping();
      const bento = start(client, { timeoutMs: 100, hasMemory });
      await bento.set({ key: "k", value: 1 });
      proxy.stall();
      const startedAt = performance.now();
      expect(await bento.get({ key: "other" })).toBeUndefined();
      expect(performance.now() - startedAt).toBeLessThan(100 + 100);
      expect(await bento.getOrSet({ key: "third", factory: async () => 3 })).toBe(3);
      expect(performance.now() - startedAt).toBeLessThan(100 + 200);
      proxy.unstall();
      await expect.poll(() => bento.get({ key: "k" })).toBe(1);
      client.disconnect();
    });
  });
});
