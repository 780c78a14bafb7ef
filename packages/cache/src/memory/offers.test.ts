import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createMemory } from "./create-memory.js";
import type { Memory } from "./memory.js";
import type { Entry } from "./types.js";

const MAX_BYTES = 1_000_000;
const entry = (value: unknown, more: Partial<Entry> = {}): Entry => ({
  value,
  bytes: 1000,
  freshUntil: Infinity,
  usableUntil: Infinity,
  meta: undefined,
  ...more,
});

const keysOf = (count: number, name = "key"): string[] => Array.from({ length: count }, (_, i) => `${name}:${i}`);

function offer(memory: Memory, tenantId: string, keys: readonly string[]): void {
  for (const key of keys) memory.tenant(tenantId).offer("invoice", key, entry(key));
}

function set(memory: Memory, tenantId: string, keys: readonly string[]): void {
  for (const key of keys) memory.tenant(tenantId).set("invoice", key, entry(key));
}

/** The keys that are there; does not count as a use. */
function kept(memory: Memory, tenantId: string, keys: readonly string[]): string[] {
  const partition = memory.tenant(tenantId);
  return keys.filter((key) => partition.peek("invoice", key) !== undefined);
}

const use = (memory: Memory, tenantId: string, keys: readonly string[]): void =>
  keys.forEach((key) => void memory.tenant(tenantId).get("invoice", key));

describe("createMemory, offered entries", () => {
  it("are kept while there is room", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    offer(memory, "acme", ["1", "2"]);
    expect(memory.tenant("acme").get("invoice", "1")?.value).toBe("1");
    expect(memory.stats()).toMatchObject({ entries: 2, evictions: { cold: 0, share: 0 } });
  });

  it("displace no entry that was used, not even once", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    set(memory, "acme", keysOf(2000, "asked"));
    const before = kept(memory, "acme", keysOf(2000, "asked"));
    for (let tenant = 0; tenant < 100; tenant++) offer(memory, `tenant-${tenant}`, keysOf(70));
    offer(memory, "acme", keysOf(1000));
    expect(kept(memory, "acme", before)).toEqual(before);
    expect(memory.stats()).toMatchObject({ entries: before.length, tenants: 1 });
  });

  it("are displaced by writes of any tenant, the oldest offer first", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    set(memory, "busy", keysOf(400));
    for (const tenant of ["first", "second", "third"]) offer(memory, tenant, keysOf(100));
    const { evictions } = memory.stats();
    set(memory, "busy", keysOf(180, "more"));
    expect(memory.stats().evictions).toMatchObject({ share: evictions.share });
    expect(kept(memory, "busy", keysOf(400)).length).toBe(400);
    const left = ["first", "second", "third"].map((tenant) => kept(memory, tenant, keysOf(100)).length);
    expect(left[0]).toBe(0);
    expect(left[2]).toBe(100);
  });

  it("become entries like any other with their first use", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    offer(memory, "acme", keysOf(100, "used"));
    use(memory, "acme", keysOf(100, "used"));
    offer(memory, "acme", keysOf(3000));
    expect(kept(memory, "acme", keysOf(100, "used")).length).toBe(100);
    // After another read it survives a scan.
    use(memory, "acme", keysOf(100, "used"));
    set(memory, "acme", keysOf(3000, "scan"));
    expect(kept(memory, "acme", keysOf(100, "used")).length).toBe(100);
  });

  it("are displaced by later offers", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    for (let tenant = 0; tenant < 1000; tenant++) offer(memory, `tenant-${tenant}`, ["1", "2"]);
    offer(memory, "login", ["1", "2"]);
    expect(kept(memory, "login", ["1", "2"])).toEqual(["1", "2"]);
    expect(kept(memory, "tenant-0", ["1", "2"])).toEqual([]);
  });

  it("do not count a second offer as a use", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    for (let again = 0; again < 3; again++) offer(memory, "acme", keysOf(100));
    set(memory, "busy", keysOf(2000));
    expect(memory.stats().evictions.cold).toBe(100);
  });

  it("are displaced first for the tenant with the oldest offer", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    for (const tenant of ["first", "second"]) offer(memory, tenant, keysOf(50));
    offer(memory, "first", keysOf(50, "again"));
    set(memory, "busy", keysOf(660));
    expect(memory.usage("second")?.entries).toBeLessThan(30);
    expect(kept(memory, "first", keysOf(50)).length).toBe(50);
  });

  it("replace the value of a used entry without counting a use, and keep its rank", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    const acme = memory.tenant("acme");
    set(memory, "acme", ["hot"]);
    acme.offer("invoice", "hot", entry("second"));
    for (let tenant = 0; tenant < 2000; tenant++) offer(memory, `tenant-${tenant}`, ["1"]);
    expect(acme.get("invoice", "hot")?.value).toBe("second");
  });

  it("do not advance the epoch: a quiet tenant keeps its claim", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    set(memory, "noisy", keysOf(400));
    set(memory, "quiet", keysOf(300));
    for (let tenant = 0; tenant < 100; tenant++) offer(memory, `tenant-${tenant}`, keysOf(80));
    // Less than an epoch after it was written.
    set(memory, "noisy", keysOf(90, "more"));
    expect(kept(memory, "quiet", keysOf(300)).length).toBe(300);
  });

  it("displace expired entries, and stay within the budget of the tenant", () => {
    const clock = createManualClock();
    const memory = createMemory({ maxBytes: MAX_BYTES, clock, budgets: () => ({ maxBytes: 50_000 }) });
    const acme = memory.tenant("acme");
    for (const key of keysOf(30)) acme.set("invoice", key, entry(key, { usableUntil: 10 }));
    set(memory, "acme", keysOf(5, "asked"));
    offer(memory, "acme", keysOf(100, "offered"));
    expect(kept(memory, "acme", keysOf(5, "asked")).length).toBe(5);
    expect(kept(memory, "acme", keysOf(30)).length).toBe(30);
    clock.advance(10);
    offer(memory, "acme", keysOf(100, "offered"));
    expect(kept(memory, "acme", keysOf(5, "asked")).length).toBe(5);
    expect(kept(memory, "acme", keysOf(100, "offered")).length).toBeGreaterThan(25);
    expect(memory.usage("acme")?.bytes).toBeLessThanOrEqual(50_000);
  });

  it("are refused when too large, and the replaced entry is removed", () => {
    const memory = createMemory({ maxBytes: 100_000, maxEntryBytes: 5000 });
    const acme = memory.tenant("acme");
    acme.offer("invoice", "1", entry("small"));
    acme.offer("invoice", "1", entry("large", { bytes: 5000 }));
    expect(acme.get("invoice", "1")).toBeUndefined();
    expect(memory.stats()).toMatchObject({ refused: 1, entries: 0 });
  });

  it("are cleared, deleted and counted like any other", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    const acme = memory.tenant("acme");
    offer(memory, "acme", keysOf(1000));
    acme.delete("invoice", "key:999");
    acme.clear();
    offer(memory, "acme", keysOf(100, "after"));
    set(memory, "acme", keysOf(1500, "asked"));
    acme.clear();
    expect(memory.stats()).toMatchObject({ bytes: 0, entries: 0, tenants: 0 });
  });
});
