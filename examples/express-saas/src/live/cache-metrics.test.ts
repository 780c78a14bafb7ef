import {
  type Cache,
  createCache,
  fillRefuse,
  invalidationQueue,
  loadFail,
  memoryDrop,
  staleServe,
  storeFail,
} from "@scale/cache";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plans } from "../scale.plan.js";
import { type CacheMetrics, createCacheMetrics } from "./cache-metrics.js";

describe("createCacheMetrics", () => {
  let clock: ManualClock;
  let cache: Cache;
  let tenants: Map<string, { plan: string }>;
  let metrics: CacheMetrics;
  beforeEach(() => {
    clock = createManualClock();
    cache = createCache({ clock, memory: { maxBytes: 1_000_000 } });
    tenants = new Map([
      ["acme", { plan: "free" }],
      ["globex", { plan: "enterprise" }],
    ]);
    metrics = createCacheMetrics({ cache, plans, tenants, clock });
  });
  afterEach(() => metrics.stop());

  const read = async (tenantId: string, key: string): Promise<void> => {
    await cache.tenant(tenantId).getOrSet(key, () => key, { ttl: "1h" });
  };

  it("counts reads by layer, in the last minute and since the start", async () => {
    for (const tenantId of ["acme", "globex", "acme"]) await read(tenantId, "a");
    expect(metrics.read().reads).toEqual({
      memory: { last: 1, total: 1 },
      redis: { last: 0, total: 0 },
      loads: { last: 2, total: 2 },
    });
    clock.advance(60_000);
    await read("acme", "a");
    expect(metrics.read().reads).toMatchObject({ memory: { last: 1, total: 2 }, loads: { last: 0, total: 2 } });
  });

  it("counts each read once, however often it samples", async () => {
    await read("acme", "a");
    for (let n = 0; n < 5; n++) {
      clock.advance(1000);
      metrics.sampleIfDue();
      metrics.read();
    }
    expect(metrics.read().reads.loads).toEqual({ last: 1, total: 1 });
  });

  it("samples with a response, so that reads age while the page is closed", async () => {
    await read("acme", "a");
    metrics.sampleIfDue();
    clock.advance(60_000);
    expect(metrics.read().reads.loads).toEqual({ last: 0, total: 1 });
  });

  it("samples the tenants at most once a second", () => {
    const asked: string[] = [];
    const counting = { ...cache, tenant: (id = "") => (asked.push(id), cache.tenant(id)) };
    const own = createCacheMetrics({ cache: counting, plans, tenants, clock });
    for (let n = 0; n < 100; n++) own.sampleIfDue();
    clock.advance(1000);
    own.sampleIfDue();
    own.stop();
    expect(asked).toEqual(["acme", "globex", "acme", "globex"]);
  });

  it("keeps counting for a tenant that the cache evicted", async () => {
    const small = createCache({ clock, maxTenants: 1 });
    const own = createCacheMetrics({ cache: small, plans, tenants, clock });
    const once = (): Promise<number> => small.tenant("acme").getOrSet("a", () => 1, { ttl: "1h" });
    await once();
    await once();
    expect(own.read().reads).toMatchObject({ memory: { total: 1 }, loads: { total: 1 } });
    small.tenant("globex");
    await once();
    expect(own.read().reads).toMatchObject({ memory: { total: 2 }, loads: { total: 1 } });
    own.stop();
  });

  it("shows the ten tenants with the most reads, and the share that their plans give them", async () => {
    await read("acme", "a");
    await read("globex", "a");
    await read("globex", "a");
    const bytesOf = (tenantId: string): number => cache.tenant(tenantId).usage()?.bytes ?? 0;
    expect(bytesOf("globex")).toBeGreaterThan(0);
    expect(metrics.read().tenants).toEqual([
      {
        tenantId: "globex",
        plan: "enterprise",
        memory: 1,
        redis: 0,
        loads: 1,
        bytes: bytesOf("globex"),
        shareBytes: 888_888,
      },
      { tenantId: "acme", plan: "free", memory: 0, redis: 0, loads: 1, bytes: bytesOf("acme"), shareBytes: 111_111 },
    ]);
    for (let n = 0; n < 20; n++) tenants.set(`tenant-${n}`, { plan: "free" });
    expect(metrics.read().tenants).toHaveLength(10);
    expect(metrics.read().tenants[0]?.tenantId).toBe("globex");
  });

  it("reports the content of memory and whether it is served", async () => {
    await read("acme", "a");
    const { memory, ...rest } = metrics.read();
    expect(rest).toMatchObject({ isMemoryServed: true, confirmedAgeMs: null, queuedInvalidations: 0 });
    expect(memory).toMatchObject({
      maxBytes: 1_000_000,
      entries: 1,
      tenants: 1,
      evicted: { cold: 0, budget: 0, share: 0 },
    });
    expect(memory.bytes).toBeGreaterThan(0);
  });

  it("counts the events of the cache until it is stopped", () => {
    const about = { tenantId: "acme", name: "contacts" };
    function publishAll(): void {
      staleServe.publish(() => ({ ...about, ageMs: 1, reason: "refreshing", error: undefined }));
      fillRefuse.publish(() => about);
      invalidationQueue.publish(() => ({ tenantId: "acme", kept: true }));
      memoryDrop.publish(() => ({ isFirst: true }));
      memoryDrop.publish(() => ({ isFirst: false }));
      storeFail.publish(() => ({ tenantId: "acme", operation: "read", error: new Error("no") }));
      loadFail.publish(() => ({ ...about, error: new Error("no") }));
    }
    publishAll();
    metrics.recordWarming({ loaded: 5 });
    metrics.stop();
    publishAll();
    expect(Object.fromEntries(metrics.read().events.map(({ event, count }) => [event, count.total]))).toEqual({
      warm: 5,
      "stale-serve": 1,
      "fill-refuse": 1,
      "invalidation-queue": 1,
      "memory-drop": 1,
      "store-fail": 1,
      "load-fail": 1,
    });
  });
});
