import { startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { keysOf, memoryUse } from "../../scenarios/memory.js";

const available = inject("redisUrl") !== "";
const IDS = 20_000;
const MEGABYTE = 2 ** 20;

// The full form, a million ids, is a part of `npm run proof rate-limit`.
describe.skipIf(!available)(`a limiter after ${IDS} ids that each occurred once`, () => {
  it("keeps only the latest denials on the heap, and no key without expiry", async () => {
    const server = await startRedis();
    const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
    const use = await memoryUse({ url: server.url, ids: IDS, window: 1000, maxKeys: 0 });
    const { seen, lasting } = await keysOf(redis);
    await waitUntil(async () => (await redis.dbsize()) === 0, { what: "every key to expire", timeoutMs: 20_000 });
    redis.disconnect();
    await server.stop();
    expect(use.checks).toBe(2 * IDS);
    // But for those between whose questions a window of the calendar ended.
    expect(use.denied).toBeGreaterThan(0.97 * IDS);
    // Slots are asked for again each time.
    expect(use.byDenialCache).toBeGreaterThan(0.35 * IDS);
    expect(use.heapGrowthBytes).toBeLessThan(20 * MEGABYTE);
    expect(seen).toBeGreaterThan(0);
    expect(lasting).toBe(0);
  });

  it("keeps at most maxKeys of them in memory", async () => {
    const maxKeys = 1000;
    const use = await memoryUse({ url: "", ids: IDS, window: 3_600_000, maxKeys });
    expect(use.checks).toBe(2 * IDS);
    expect(use.heapGrowthBytes).toBeLessThan(2 * MEGABYTE);
  });
});
