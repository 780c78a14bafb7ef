import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { startNode } from "../../scenarios/node.js";
import { createCache } from "../index.js";

fc.configureGlobal({ seed: 20_261_120 });

// Strings that differ only in separators and escapes.
const part = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", ":", "%", "3", "{", "}", "*", "|", ".", "~"), maxLength: 4 }),
  fc.string(),
);
const parts = fc.array(part, { minLength: 1, maxLength: 3 });
const owner = fc.tuple(
  part.filter((id) => id !== ""),
  fc.constantFrom("row", "row.a", "row-a"),
  parts,
);

describe("keys", () => {
  it("of different tenants, names or parts never collide in memory", async () => {
    await fc.assert(
      fc.asyncProperty(owner, owner, async (one, two) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(two));
        const cache = createCache({ clock: createManualClock() });
        const put = async ([tenantId, name, key]: typeof one, value: string): Promise<string> => {
          const row = cache.define({ name, key: (list: string[]) => list, ttl: "1m", load: () => value });
          return cache.tenant(tenantId).get(row, key);
        };
        expect([await put(one, "one"), await put(two, "two")]).toEqual(["one", "two"]);
      }),
      { numRuns: 500 },
    );
  });

  it.skipIf(!inject("redisUrl"))("never collide in Redis", async () => {
    const node = startNode(inject("redisUrl"), { prefix: `keys:${process.pid}`, staleness: { bound: 1 } });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(owner, owner, async (one, two) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(two));
        const version = ++run;
        const put = async ([tenantId, name, key]: typeof one, value: string): Promise<string> => {
          const row = node.cache.define({
            name,
            format: { version },
            key: (list: string[]) => list,
            ttl: "1m",
            load: () => value,
          });
          await node.cache.tenant(tenantId).set(row, { params: key, value });
          return node.cache.tenant(tenantId).get(row, key);
        };
        await put(one, "one");
        await put(two, "two");
        const row = node.cache.define({
          name: one[1],
          format: { version },
          key: (list: string[]) => list,
          ttl: "1m",
          load: () => "",
        });
        expect(await node.cache.tenant(one[0]).get(row, one[2])).toBe("one");
      }),
      { numRuns: 200 },
    );
    node.close();
  });
});

describe("many tenants", () => {
  it("keep a bounded state, and are still invalidated", async () => {
    const cache = createCache({ maxTenants: 100 });
    let loads = 0;
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: () => ["all"],
      load: () => ++loads,
    });
    const first = cache.tenant("tenant-0");
    const before = await first.get(row, "a");
    for (let i = 1; i < 1000; i++) await cache.tenant(`tenant-${i}`).get(row, "a");
    expect(cache.stats().knownTenants).toBeLessThanOrEqual(101);
    expect(await first.get(row, "a")).toBe(before);
    await cache.tenant("tenant-0").invalidateTags(["all"]);
    expect(await first.get(row, "a")).toBe(1001);
    // Of forgotten tenants too.
    expect(cache.stats().counts).toMatchObject({ memoryHits: 1, storeHits: 0, loads: 1001, invalidations: 1 });
  });

  it("that are forgotten after an invalidation can be invalidated again", async () => {
    const cache = createCache({ maxTenants: 1 });
    let loads = 0;
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: () => ["all"],
      load: () => ++loads,
    });
    const acme = cache.tenant("acme");
    await acme.invalidateTags(["all"]);
    await acme.clear();
    expect(await acme.get(row, "a")).toBe(1);
    cache.tenant("other");
    await acme.invalidateTags(["all"]);
    expect(await acme.get(row, "a")).toBe(2);
  });
});
