import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { Keyv, type KeyvStoreAdapter } from "keyv";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type FaultProxy, startFaultProxy, startNode, untilServed } from "../../scenarios/node.js";
import { type Cache, createCache } from "../index.js";
import { keyvStore } from "./keyv.js";

const url = inject("redisUrl");
const over = (cache: Cache, namespace?: string, tenantId = "acme"): Keyv =>
  new Keyv(keyvStore({ tenant: cache.tenant(tenantId) }), namespace === undefined ? {} : { namespace });

describe("keyvStore", () => {
  it("satisfies the adapter interface of Keyv", () => {
    const store: KeyvStoreAdapter = keyvStore({ tenant: createCache().tenant("acme") });
    expect(new Keyv({ store }).store).toBe(store);
    expect(store.iterator).toBeUndefined();
  });

  it("returns the value that was set, also null and binary", async () => {
    const keyv = over(createCache());
    const values: readonly unknown[] = [
      1,
      0,
      "",
      "text",
      false,
      null,
      [],
      { a: { b: [1] } },
      Buffer.from([0, 200, 255]),
    ];
    for (const [i, value] of values.entries()) expect(await keyv.set(`k${i}`, value)).toBe(true);
    expect(await Promise.all(values.map((_value, i) => keyv.get(`k${i}`)))).toEqual(values);
    expect(await keyv.getMany(["k0", "none", "k5"])).toEqual([1, undefined, null]);
    expect([await keyv.has("k5"), await keyv.has("none"), await keyv.hasMany(["k0", "none"])]).toEqual([
      ...[true, false, [true, false]],
    ]);
    await keyv.set("u", undefined);
    expect(await keyv.get("u")).toBeUndefined();
    expect(await keyv.delete("k0")).toBe(true);
    expect(await keyv.get("k0")).toBeUndefined();
    expect(
      await keyv.setMany([
        { key: "m1", value: 1 },
        { key: "m2", value: 2 },
      ]),
    ).toEqual([true, true]);
    expect(await keyv.deleteMany(["m1", "m2"])).toBe(true);
    expect(await keyv.hasMany(["m1", "m2"])).toEqual([false, false]);
  });

  it("refuses values that JSON changes when Keyv does not serialize, and emits an error", async () => {
    const errors: unknown[] = [];
    const store = keyvStore({ tenant: createCache().tenant("acme") });
    const keyv = new Keyv({ store, serialize: undefined, deserialize: undefined } as object);
    keyv.on("error", (error: unknown) => errors.push(error));
    expect([await keyv.set("a", { n: 1 }), await keyv.get("a")]).toEqual([true, { n: 1 }]);
    expect([await keyv.set("b", Buffer.from([1])), await keyv.get("b")]).toEqual([false, undefined]);
    expect(errors).toMatchObject([{ code: "SCALE_CONFIG" }]);
  });

  it("keeps a value for its ttl, and at most for maxTtl", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    const keyv = new Keyv(keyvStore({ tenant: cache.tenant("acme"), maxTtl: "1h" }));
    await keyv.set("short", 1, 1000);
    await keyv.set("none", 2);
    await keyv.set("long", 3, 86_400_000);
    clock.advance(999);
    expect(await keyv.getMany(["short", "none", "long"])).toEqual([1, 2, 3]);
    clock.advance(1);
    expect(await keyv.getMany(["short", "none", "long"])).toEqual([undefined, 2, 3]);
    clock.advance(3_600_000 - 1001);
    expect(await keyv.hasMany(["short", "none", "long"])).toEqual([false, true, true]);
    clock.advance(1);
    expect(await keyv.hasMany(["short", "none", "long"])).toEqual([false, false, false]);
  });

  it("refuses unknown options", () => {
    const tenant = createCache().tenant("acme");
    expect(() => keyvStore({ tenant, maxTTL: "1h" } as never)).toThrow("maxTTL");
    expect(() => keyvStore({ tenant: "acme" as never })).toThrow("expected cache.tenant(id)");
    expect(() => keyvStore({ tenant, maxTtl: "never" as never })).toThrow("maxTtl: expected a duration");
  });

  it("refuses a ttl that is not above 0", async () => {
    const keyv = over(createCache());
    const errors: unknown[] = [];
    keyv.on("error", (error: unknown) => errors.push(error));
    expect([await keyv.set("k", 1, -5), await keyv.set("k", 1, Number.NaN)]).toEqual([false, false]);
    expect(errors).toMatchObject([{ code: "SCALE_CONFIG" }, { code: "SCALE_CONFIG" }]);
  });

  it("clears its namespace of its tenant, and nothing else", async () => {
    const cache = createCache();
    const keyvs = [over(cache, "a"), over(cache, "a:b"), over(cache, "a", "globex")];
    for (const keyv of keyvs) await keyv.set("b:k", keyv.namespace, 60_000);
    await keyvs[0]!.set("null", null);
    await cache.tenant("acme").getOrSet("k", () => 1, { ttl: "1m" });
    await keyvs[0]!.clear();
    expect(await Promise.all(keyvs.map((keyv) => keyv.get("b:k")))).toEqual([undefined, "a:b", "a"]);
    expect(await keyvs[0]!.has("null")).toBe(false);
    expect(await cache.tenant("acme").getOrSet("k", () => 2, { ttl: "1m" })).toBe(1);
  });

  it("keeps namespaces apart without Keyv's key prefix", async () => {
    const tenant = createCache().tenant("acme");
    const [a, b] = ["a", "b"].map(
      (namespace) => new Keyv({ store: keyvStore({ tenant }), namespace, useKeyPrefix: false }),
    );
    await a!.set("k", 1);
    expect(await b!.get("k")).toBeUndefined();
  });

  it("throws for a second namespace", () => {
    const store = keyvStore({ tenant: createCache().tenant("acme") });
    expect(new Keyv(store, { namespace: "a" }).namespace).toBe("a");
    expect(() => new Keyv(store, { namespace: "b" })).toThrow('expected namespace "a", got "b"');
  });

  it("uses the tenant of tenancy.run", async () => {
    const cache = createCache();
    const keyv = new Keyv(keyvStore({ tenant: () => cache.tenant() }), { throwOnErrors: true });
    await tenancy.run({ tenantId: "acme" }, () => keyv.set("k", 1));
    expect(await tenancy.run({ tenantId: "globex" }, () => keyv.get("k"))).toBeUndefined();
    expect(await tenancy.run({ tenantId: "acme" }, () => keyv.get("k"))).toBe(1);
    await expect(keyv.get("k")).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });
});

describe.skipIf(!url)("keyvStore with Redis", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy(url);
  });
  afterAll(() => proxy.close());

  it("shares values and clears between processes, and every key expires", async () => {
    const options = { prefix: `keyv:${process.pid}` };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const [first, second] = [over(one.cache), over(two.cache)];
    await first.set("k", { n: 1 });
    expect(await second.get("k")).toEqual({ n: 1 });
    const redis = new Redis(url);
    const keys = await redis.keys(`${options.prefix}*`);
    const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
    expect([keys.length > 0, ttls.every((ttl) => ttl > 0)]).toEqual([true, true]);
    redis.disconnect();
    await second.clear();
    expect(await second.get("k")).toBeUndefined();
    await expect.poll(() => first.get("k")).toBeUndefined();
    one.close();
    two.close();
  });

  it("settles within the deadline while Redis stalls", async () => {
    const node = startNode(proxy.url, {
      prefix: `keyv:${process.pid}:stall`,
      timeoutMs: 80,
      staleness: { bound: "1s" },
    });
    await untilServed(node);
    const keyv = over(node.cache);
    const errors: unknown[] = [];
    keyv.on("error", (error: unknown) => errors.push(error));
    await keyv.set("k", 1);
    proxy.stall();
    const startedAt = performance.now();
    expect([await keyv.get("other"), await keyv.getMany(["x", "y"]), await keyv.has("z")]).toEqual([
      ...[undefined, [undefined, undefined], false],
    ]);
    expect([await keyv.set("k", 2), await keyv.delete("k")]).toEqual([false, false]);
    await keyv.clear();
    expect(errors).toMatchObject([{ code: "SCALE_STORE" }]);
    expect(performance.now() - startedAt).toBeLessThan(80 + 400);
    // A value that was deleted during the outage stays deleted after it.
    proxy.unstall();
    await expect.poll(() => node.cache.health().queuedInvalidations, { timeout: 5000 }).toBe(0);
    expect(await keyv.get("k")).toBeUndefined();
    node.close();
  });
});
