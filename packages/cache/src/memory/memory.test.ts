import { ConfigError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createMemory } from "./create-memory.js";
import type { Entry } from "./types.js";

const entry = (value: unknown, more: Partial<Entry> = {}): Entry => ({
  value,
  bytes: 1000,
  freshUntil: Infinity,
  usableUntil: Infinity,
  meta: undefined,
  ...more,
});

describe("createMemory", () => {
  it("returns the entry that was set, also when it has expired", () => {
    const clock = createManualClock();
    const acme = createMemory({ maxBytes: 100_000, clock }).tenant("acme");
    const expired = entry(1, { usableUntil: 5 });
    acme.set("invoice", "1", expired);
    clock.advance(10);
    expect(acme.get("invoice", "1")).toBe(expired);
    expect(acme.get("invoice", "2")).toBeUndefined();
    expect(acme.get("contact", "1")).toBeUndefined();
  });

  it("drops expired entries first, of any tenant", () => {
    const clock = createManualClock();
    const memory = createMemory({ maxBytes: 100_000, maxEntryBytes: 20_000, clock });
    const [small, large] = [memory.tenant("small"), memory.tenant("large")];
    for (let i = 0; i < 10; i++) small.set("invoice", `${i}`, entry(i, { usableUntil: 100 }));
    for (let i = 0; i < 65; i++) large.set("invoice", `${i}`, entry(i));
    expect(memory.stats()).toMatchObject({ entries: 75, tenants: 2 });
    clock.advance(100);
    large.set("invoice", "wide", entry(1, { bytes: 10_000 }));
    expect(memory.usage("large")?.entries).toBe(66);
    expect(memory.stats().evictions).toMatchObject({ expired: 8, share: 0 });
  });

  it("drops expired entries with each write, although there is room", () => {
    const clock = createManualClock();
    const memory = createMemory({ maxBytes: 10_000_000, clock });
    for (let i = 0; i < 100; i++) memory.tenant(`${i}`).set("invoice", "1", entry(i, { usableUntil: 100 }));
    clock.advance(100);
    for (let i = 0; i < 25; i++) memory.tenant("acme").set("invoice", "1", entry(i));
    expect(memory.stats()).toMatchObject({ entries: 1, tenants: 1 });
  });

  it("does not count an entry that was cleared as expired", () => {
    const clock = createManualClock();
    const memory = createMemory({ maxBytes: 1_000_000, clock });
    const acme = memory.tenant("acme");
    acme.set("contact", "1", entry(1));
    const { bytes } = memory.stats();
    for (let i = 0; i < 100; i++) acme.set("invoice", `${i}`, entry(i, { usableUntil: 10 }));
    acme.clear();
    clock.advance(20);
    acme.set("contact", "1", entry(2));
    expect(memory.stats()).toMatchObject({ bytes, entries: 1, evictions: { expired: 0 } });
  });

  it("expires a replaced entry by its new lifetime", () => {
    const clock = createManualClock();
    const memory = createMemory({ maxBytes: 1_000_000, clock });
    const acme = memory.tenant("acme");
    acme.set("invoice", "longer", entry(1, { usableUntil: 10 }));
    acme.set("invoice", "longer", entry(2, { usableUntil: 1000 }));
    acme.set("invoice", "always", entry(1, { usableUntil: 10 }));
    acme.set("invoice", "always", entry(2));
    acme.set("invoice", "shorter", entry(1));
    acme.set("invoice", "shorter", entry(2, { usableUntil: 10 }));
    clock.advance(20);
    acme.set("invoice", "other", entry(1));
    expect(["longer", "always", "shorter"].map((key) => acme.get("invoice", key)?.value)).toEqual([2, 2, undefined]);
  });

  it("keeps used entries through a scan of ten times its size", () => {
    const acme = createMemory({ maxBytes: 1_000_000 }).tenant("acme");
    const popular = Array.from({ length: 100 }, (_, i) => `popular:${i}`);
    for (const key of popular) acme.set("invoice", key, entry(key));
    for (const key of popular) acme.get("invoice", key);
    for (let i = 0; i < 10_000; i++) acme.set("invoice", `once:${i}`, entry(i));
    expect(popular.filter((key) => acme.get("invoice", key) !== undefined).length).toBe(100);
  });

  it("keeps an entry that comes back after its eviction through the next scan", () => {
    const acme = createMemory({ maxBytes: 1_000_000 }).tenant("acme");
    const scan = (name: string) => {
      for (let i = 0; i < 1000; i++) acme.set("invoice", `${name}:${i}`, entry(i));
    };
    scan("first");
    const back = Array.from({ length: 20 }, (_, i) => `first:${i + 150}`);
    expect(back.filter((key) => acme.get("invoice", key) !== undefined)).toEqual([]);
    for (const key of back) acme.set("invoice", key, entry(key));
    scan("second");
    expect(back.filter((key) => acme.get("invoice", key) !== undefined).length).toBeGreaterThanOrEqual(15);
  });

  it("refuses an entry that is too large, and removes the replaced one", () => {
    const memory = createMemory({ maxBytes: 100_000, maxEntryBytes: 5000 });
    const acme = memory.tenant("acme");
    for (const bytes of [5000, Infinity, Number.NaN, -1]) {
      acme.set("invoice", "1", entry("small"));
      acme.set("invoice", "1", entry("large", { bytes }));
      expect(acme.get("invoice", "1")).toBeUndefined();
    }
    expect(memory.stats()).toMatchObject({ refused: 4, bytes: 0, entries: 0, tenants: 0 });
  });

  it("returns the entries of a tenant through each of its partitions, also after a clear", () => {
    const memory = createMemory({ maxBytes: 100_000 });
    const [one, two] = [memory.tenant("acme"), memory.tenant("acme")];
    for (const drop of [() => two.delete("invoice", "1"), () => two.clear(), () => memory.clear()]) {
      one.set("invoice", "1", entry("one"));
      expect(two.get("invoice", "1")?.value).toBe("one");
      drop();
      expect([one, two].map((partition) => partition.get("invoice", "1"))).toEqual([undefined, undefined]);
      two.set("invoice", "1", entry("two"));
      expect(one.get("invoice", "1")?.value).toBe("two");
    }
  });

  it("is deterministic", () => {
    const run = () => {
      const random = seededRandom(20_261_120);
      const memory = createMemory({ maxBytes: 200_000, clock: createManualClock() });
      return Array.from({ length: 20_000 }, () => {
        const partition = memory.tenant(`${Math.floor(random() * 5)}`);
        const key = `${Math.floor(random() ** 2 * 300)}`;
        if (partition.get("invoice", key) !== undefined) return "hit";
        partition.set("invoice", key, entry(key, { bytes: Math.floor(random() * 2000) }));
        return "miss";
      }).join();
    };
    expect(run()).toBe(run());
  });

  it.each([{}, { maxBytes: 0 }, { maxBytes: "1MiB" }, { maxBytes: 1000, budgets: 5 }, { maxBytes: 1000, maxbytes: 5 }])(
    "refuses the options %o",
    (options) => {
      expect(() => createMemory(options as Parameters<typeof createMemory>[0])).toThrow(ConfigError);
    },
  );
});
