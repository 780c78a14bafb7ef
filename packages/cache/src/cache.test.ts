import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, inject, it } from "vitest";
import { gate, startNode, untilServed } from "../scenarios/node.js";
import { createCache } from "./index.js";

const url = inject("redisUrl");
let next = 0;
const prefix = (): string => `cache:${process.pid}:${next++}`;

interface Row {
  readonly id: string;
  readonly n: number;
}

/** A table of rows that counts its queries. */
function table() {
  const rows = new Map<string, number>();
  const asked: string[] = [];
  const load = async ({ id }: { id: string }): Promise<Row> => {
    asked.push(id);
    return { id, n: rows.get(id) ?? 0 };
  };
  return { rows, asked, load };
}

describe("createCache without a store", () => {
  it("refuses a set with a lower version than the current one", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: () => "loaded" });
    const acme = cache.tenant("acme");
    const set = async (value: string, version?: number): Promise<string> => {
      const { state } = await acme.set(row, { params: "a", value, ...(version !== undefined && { version }) });
      return `${state}, ${acme.peek(row, "a")}`;
    };
    expect(await set("v7", 7)).toBe("applied, v7");
    expect(await set("v6", 6)).toBe("refused, v7");
    expect(await set("v10", 10)).toBe("applied, v10");
    // A missing value has no version.
    await acme.invalidate(row, "a");
    expect(await set("v2", 2)).toBe("applied, v2");
    clock.advance(60_000);
    expect(await set("v1", 1)).toBe("applied, v1");
    expect(await set("without")).toBe("applied, without");
    expect(await set("v0", 0)).toBe("applied, v0");
  });

  it("loads once, and serves the value from memory until its ttl ends", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    const { load, asked, rows } = table();
    const row = cache.define({ name: "row", key: ({ id }: { id: string }) => id, ttl: "1m", load });
    const acme = cache.tenant("acme");
    const first = await Promise.all(Array.from({ length: 100 }, () => acme.get(row, { id: "a" })));
    rows.set("a", 1);
    expect({ first: first.at(-1), peek: acme.peek(row, { id: "a" }), asked }).toEqual({
      ...{ first: { id: "a", n: 0 }, peek: { id: "a", n: 0 }, asked: ["a"] },
    });
    clock.advance(60_000);
    expect(acme.peek(row, { id: "a" })).toBeUndefined();
    expect(await acme.get(row, { id: "a" })).toEqual({ id: "a", n: 1 });
  });

  it("separates tenants, and uses the tenant of the current work", async () => {
    const cache = createCache();
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      load: (_id, { tenantId }) => tenantId,
    });
    const own = await tenancy.run({ tenantId: "acme" }, () => cache.tenant().get(row, "a"));
    expect([own, await cache.tenant("globex").get(row, "a")]).toEqual(["acme", "globex"]);
    expect(() => cache.tenant()).toThrow("expected a tenant, got none");
    await cache.tenant("acme").clear();
    expect([cache.tenant("acme").peek(row, "a"), cache.tenant("globex").peek(row, "a")]).toEqual([undefined, "globex"]);
  });

  it("separates inline values by tenant and namespace", async () => {
    const cache = createCache();
    const shared = await cache.getOrSet("k", () => 1, { ttl: "1m" });
    const again = await cache.getOrSet("k", () => 2, { ttl: "1m" });
    const other = await cache.getOrSet("k", () => 3, { ttl: "1m", namespace: "other" });
    const acme = await cache.tenant("acme").getOrSet("k", () => 4, { ttl: "1m" });
    expect([shared, again, other, acme]).toEqual([1, 1, 3, 4]);
  });

  it("invalidates the values with a tag, and no other", async () => {
    const cache = createCache();
    let loads = 0;
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: (_value, id) => [`of:${id}`, "all"],
      load: () => ++loads,
    });
    const acme = cache.tenant("acme");
    const read = () => Promise.all(["a", "b"].map((id) => acme.get(row, id)));
    expect(await read()).toEqual([1, 2]);
    await acme.invalidateTags(["of:a"]);
    expect(await read()).toEqual([3, 2]);
    await acme.invalidateTags(["all"]);
    expect(await read()).toEqual([4, 5]);
  });

  it("rejects every waiting caller with the error of the loader, and loads again for the next", async () => {
    const cache = createCache();
    const error = new Error("no");
    let loads = 0;
    const row = cache.define<string, number>({
      name: "row",
      key: (id) => id,
      ttl: "1m",
      async load() {
        loads++;
        if (loads === 1) throw error;
        return loads;
      },
    });
    const acme = cache.tenant("acme");
    const both = await Promise.allSettled([acme.get(row, "a"), acme.get(row, "a")]);
    expect(both.map((each) => each.status === "rejected" && each.reason)).toEqual([error, error]);
    expect(await acme.get(row, "a")).toBe(2);
  });
});

describe.skipIf(!url)("createCache with Redis", () => {
  it("shares loaded values and invalidations between processes", async () => {
    const options = { prefix: prefix() };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const { load, asked, rows } = table();
    const rowOf = ({ cache }: typeof one) =>
      cache.define({ name: "row", key: ({ id }: { id: string }) => id, ttl: "1m", load });
    const [rowOne, rowTwo] = [rowOf(one), rowOf(two)];
    const [acmeOne, acmeTwo] = [one.cache.tenant("acme"), two.cache.tenant("acme")];
    const loaded = await acmeOne.getWithInfo(rowOne, { id: "a" });
    // The reader does not wait for the fill.
    await expect.poll(() => acmeOne.peek(rowOne, { id: "a" })).toEqual({ id: "a", n: 0 });
    const shared = await acmeTwo.getWithInfo(rowTwo, { id: "a" });
    expect([loaded.source, shared.source, shared.value, asked]).toEqual(["load", "store", { id: "a", n: 0 }, ["a"]]);
    rows.set("a", 1);
    expect(await acmeOne.invalidate(rowOne, { id: "a" })).toEqual({ state: "applied" });
    await expect.poll(() => acmeTwo.peek(rowTwo, { id: "a" })).toBeUndefined();
    expect(await acmeTwo.get(rowTwo, { id: "a" })).toEqual({ id: "a", n: 1 });
    expect(await acmeOne.get(rowOne, { id: "a" })).toEqual({ id: "a", n: 1 });
    expect(asked).toEqual(["a", "a"]);
    one.close();
    two.close();
  });

  it("keeps no value of a load that an invalidation overtook, in memory or in Redis", async () => {
    const options = { prefix: prefix() };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const slow = gate();
    let value = "old";
    let loads = 0;
    const define = ({ cache }: typeof one) =>
      cache.define({
        name: "row",
        key: (id: string) => id,
        ttl: "1m",
        async load() {
          const read = value;
          if (loads++ === 0) await slow.opened;
          return read;
        },
      });
    const [rowOne, rowTwo] = [define(one), define(two)];
    const early = one.cache.tenant("acme").get(rowOne, "a");
    await expect.poll(() => loads).toBe(1);
    value = "new";
    await two.cache.tenant("acme").invalidate(rowTwo, "a");
    slow.open();
    expect(await early).toBe("old");
    expect([await one.cache.tenant("acme").get(rowOne, "a"), await two.cache.tenant("acme").get(rowTwo, "a")]).toEqual([
      ...["new", "new"],
    ]);
    one.close();
    two.close();
  });
});

describe("usage", () => {
  it("returns bytes and share of a tenant, and undefined without entries", async () => {
    const cache = createCache({ memory: { maxBytes: 100_000, budgets: (id) => ({ weight: id === "acme" ? 3 : 1 }) } });
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: (id) => id });
    expect(cache.tenant("acme").usage()).toBeUndefined();
    for (const tenantId of ["acme", "globex"]) await cache.tenant(tenantId).get(row, "a");
    expect(cache.tenant("acme").usage()).toMatchObject({ entries: 1, weight: 3, shareBytes: 75_000 });
    expect(cache.shared.usage()).toBeUndefined();
    await cache.shared.getOrSet("a", () => 1, { ttl: "1m" });
    expect(await cache.shared.getOrSet("a", () => 2, { ttl: "1m" })).toBe(1);
    expect(cache.shared.usage()).toMatchObject({ entries: 1 });
  });
});
