import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createCache } from "../index.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const MIB = 1024 ** 2;

function cacheOf(maxBytes: number) {
  const cache = createCache({ memory: { maxBytes }, maxTenants: 1000 });
  const row = cache.define({
    name: "row",
    key: (id: number) => id,
    ttl: "1h",
    load: (id, { tenantId }) => ({ id, tenantId, note: "x".repeat(200) }),
  });
  return { cache, row };
}

const named = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);

describe("cache.warm, in bounded memory", () => {
  it("warms 30,000 tenants with 3 values each, and stays within the memory it was given", async () => {
    const { cache, row } = cacheOf(8 * MIB);
    let most = 0;
    function* tenants() {
      for (let i = 0; i < 30_000; i++) {
        if (i % 10_000 === 9_999) {
          collect();
          most = Math.max(most, process.memoryUsage().heapUsed - before);
        }
        yield `tenant-${i}`;
      }
    }
    collect();
    const before = process.memoryUsage().heapUsed;
    const run = cache.warm({
      tenants: tenants(),
      entries: [[row, () => [1, 2, 3]]],
      concurrency: 32,
      perTenantConcurrency: 3,
    });
    const report = await run;
    expect(report).toMatchObject({ done: 30_000, loaded: 90_000, failed: 0 });
    expect(cache.stats().memory.bytes).toBeLessThanOrEqual(8 * MIB);
    expect(most).toBeGreaterThan(2 * MIB);
    expect(most).toBeLessThan(24 * MIB);
  });

  it("evicts no value that is read, while it warms ten times the memory", async () => {
    const { cache, row } = cacheOf(2 * MIB);
    const random = seededRandom(20_261_120);
    const hot = named(40, "hot");
    const ids = Array.from({ length: 30 }, (_, i) => i);
    for (const tenantId of hot) for (const id of ids) await cache.tenant(tenantId).get(row, id);
    const isThere = (): number =>
      hot.flatMap((tenantId) => ids.filter((id) => cache.tenant(tenantId).peek(row, id) !== undefined)).length;
    expect(isThere()).toBe(1200);
    const { entries } = cache.stats().memory;
    const run = cache.warm({ tenants: named(entries * 4, "cold"), entries: [[row, () => ids.slice(0, 10)]] });
    let misses = 0;
    let reads = 0;
    const state = { isOver: false };
    const over = run.then(() => {
      state.isOver = true;
    });
    while (!state.isOver) {
      // Reads of the hot tenants, with some new values.
      const tenant = cache.tenant(hot[Math.floor(random() * hot.length)]);
      const { source } = await tenant.getWithInfo(row, Math.floor(random() * 30));
      if (source !== "memory") misses++;
      reads++;
      if (reads % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await over;
    expect(reads).toBeGreaterThan(1000);
    expect(isThere()).toBeGreaterThanOrEqual(0.99 * 1200);
    expect(misses).toBeLessThanOrEqual(0.01 * reads);
    expect(cache.stats().memory.evictions).toMatchObject({ share: 0 });
    expect(cache.stats().memory.evictions.cold).toBeGreaterThan(10_000);
  }, 30_000);
});

describe("warming more tenants than are remembered", () => {
  it("keeps the state of tenants that are read", async () => {
    const cache = createCache({ maxTenants: 10 });
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1h",
      tags: (id: string) => [id],
      load: (id: string) => id,
    });
    const acme = cache.tenant("acme");
    for (const id of ["a", "b"]) await acme.get(row, id);
    await acme.invalidateTags(["b"]);
    const tenants = Array.from({ length: 100 }, (_, i) => `tenant-${i}`);
    const { loaded } = await cache.warm({ tenants, entries: [[row, () => ["a"]]] });
    expect(loaded).toBe(100);
    expect([acme.peek(row, "a"), acme.peek(row, "b"), cache.tenant("tenant-0").peek(row, "a")]).toEqual([
      ...["a", undefined, "a"],
    ]);
    expect(acme.stats().loads).toBe(2);
  });
});
