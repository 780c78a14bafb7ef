import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, inject, it } from "vitest";
import { startNode, untilServed } from "../../scenarios/node.js";
import { createCache, createKeyValueCache, type KeyValueTtl } from "../index.js";

const url = inject("redisUrl");
let next = 0;

async function startPair() {
  const options = { prefix: `kv:${process.pid}:${next++}` };
  const [one, two] = [startNode(url, options), startNode(url, options)];
  await untilServed(one, two);
  return { one, two, close: () => [one, two].forEach((node) => node.close()) };
}

describe("createKeyValueCache", () => {
  it("returns the value that was set, until its ttl in seconds is over", async () => {
    const clock = createManualClock();
    const kv = createKeyValueCache(createCache({ clock }), { tenantId: "acme" });
    expect(await kv.get("contacts")).toBeUndefined();
    expect(await kv.set("contacts", [{ id: "c1" }], 180)).toEqual({ state: "applied" });
    await kv.set("deals", [], "2m");
    clock.advance(119_999);
    expect([await kv.get("contacts"), await kv.get("deals")]).toEqual([[{ id: "c1" }], []]);
    clock.advance(1);
    expect([await kv.get("contacts"), await kv.get("deals")]).toEqual([[{ id: "c1" }], undefined]);
    clock.advance(60_000);
    expect(await kv.get("contacts")).toBeUndefined();
    await kv.set("contacts", 1, 1);
    await kv.delete("contacts");
    expect(await kv.get("contacts")).toBeUndefined();
  });

  it.each([null, false, 0, "", [], undefined])("treats %j as a value, and loads it once", async (value) => {
    const kv = createKeyValueCache(createCache(), { tenantId: "acme" });
    let loads = 0;
    const load = () => {
      loads++;
      return value;
    };
    const read = () => kv.getOrSet("acme", "k", load, { ttl: 60 });
    expect([await read(), await read(), await kv.get("k"), loads]).toEqual([value, value, value, 1]);
  });

  it.each<[unknown]>([[0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], ["soon"], ["0s"], [null], [undefined]])(
    "refuses %s as a ttl",
    async (ttl) => {
      const kv = createKeyValueCache(createCache(), { tenantId: "acme" });
      let loads = 0;
      const wrong = { code: "SCALE_CONFIG", message: expect.stringContaining("ttl: expected seconds above 0") };
      await expect(kv.set("k", 1, ttl as KeyValueTtl)).rejects.toMatchObject(wrong);
      const made = kv.getOrSet("acme", "k", () => ++loads, { ttl: ttl as KeyValueTtl });
      await expect(made).rejects.toMatchObject(wrong);
      expect([await kv.get("k"), loads]).toEqual([undefined, 0]);
    },
  );

  it("brings back a row of an ORM, and refuses objects of other classes and unknown options", async () => {
    const cache = createCache();
    const kv = createKeyValueCache(cache, { tenantId: "acme" });
    const row = { id: 9_007_199_254_740_993n, createdAt: new Date(0), deletedAt: null };
    await kv.set("row", row, 60);
    expect(await kv.get("row")).toEqual(row);
    await expect(kv.set("k", { url: new URL("http://a") }, 60)).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    expect(() => createKeyValueCache(cache, { namespaces: "a" } as object)).toThrow("namespaces");
  });

  it("keeps tenants and namespaces apart, whatever their names", async () => {
    const cache = createCache();
    const kv = (tenantId: string, namespace: string) => createKeyValueCache(cache, { tenantId, namespace });
    const all = [kv("acme", "a"), kv("acme", "a:b"), kv("globex", "a"), kv("acme", "=kv"), kv("acme", "")];
    await Promise.all(all.map((each, i) => each.set("b:c", i, 60)));
    await kv("acme", "a").set("b:b:c", "other", 60);
    expect(await Promise.all(all.map((each) => each.get("b:c")))).toEqual([0, 1, 2, 3, 4]);
    await kv("acme", "a").invalidateNamespace();
    expect(await Promise.all(all.map((each) => each.get("b:c")))).toEqual([undefined, 1, 2, 3, 4]);
    await kv("acme", "a").invalidateNamespace("a", "globex");
    await kv("acme", "a").invalidateTenant();
    expect(await Promise.all(all.map((each) => each.get("b:c")))).toEqual(all.map(() => undefined));
  });

  it("invalidates a namespace whose values are null and undefined", async () => {
    const kv = createKeyValueCache(createCache(), { tenantId: "acme" });
    await kv.set("k", null, 60);
    await kv.invalidateNamespace();
    expect(await kv.get("k")).toBeUndefined();
  });

  it("uses the tenant of tenancy.run, and rejects without one", async () => {
    const kv = createKeyValueCache(createCache());
    await tenancy.run({ tenantId: "acme" }, () => kv.set("k", 1, 60));
    expect(await tenancy.run({ tenantId: "globex" }, () => kv.get("k"))).toBeUndefined();
    expect(await tenancy.run({ tenantId: "acme" }, () => kv.get("k"))).toBe(1);
    await expect(kv.get("k")).rejects.toMatchObject({ code: "SCALE_TENANT" });
    await expect(kv.getOrSet("", "k", () => 1, { ttl: 60 })).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });

  it("keeps its values apart from those of getOrSet and of definitions", async () => {
    const cache = createCache();
    const acme = cache.tenant("acme");
    await acme.getOrSet("k", () => "adHoc", { ttl: "1m", namespace: "=key-value" });
    const key = (id: string) => ["default", id];
    const own = cache.define({ name: "key-value", key, ttl: "1m", load: () => ({ value: "own" }) });
    await acme.get(own, "k");
    expect(await createKeyValueCache(cache, { tenantId: "acme" }).get("k")).toBeUndefined();
  });
});

describe.skipIf(!url)("createKeyValueCache with Redis", () => {
  it("shares its values between processes", async () => {
    const { one, two, close } = await startPair();
    const [first, second] = [one, two].map(({ cache }) => createKeyValueCache(cache, { tenantId: "acme" }));
    let loads = 0;
    const load = async () => ({ n: ++loads });
    const made = await Promise.all([first, second].map((kv) => kv!.getOrSet("acme", "k", load, { ttl: 60 })));
    expect([made, loads]).toEqual([[{ n: 1 }, { n: 1 }], 1]);
    await expect.poll(() => second!.get("k")).toEqual({ n: 1 });
    await first!.set("k", null, 60);
    await expect.poll(() => second!.get("k")).toBeNull();
    await second!.invalidateNamespace();
    expect(await second!.get("k")).toBeUndefined();
    await expect.poll(() => first!.get("k")).toBeUndefined();
    close();
  });
});
