import { createManualClock, type ManualClock } from "@scale/core/testing";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { storeFail } from "../events.js";
import { memoryStore } from "../memory/store.js";
import { redisStore } from "../redis/index.js";
import { throttlerStorage } from "./throttler.js";
import type { RateLimitStore } from "../types.js";

const url = inject("redisUrl");
const redis = url === undefined ? undefined : new Redis(url, { maxRetriesPerRequest: 0 });
afterAll(() => redis?.disconnect());

let next = 0;
type CreateStore = (clock: ManualClock) => RateLimitStore;
const stores: [string, CreateStore][] = [["memory", (clock) => memoryStore({ clock })]];
if (redis !== undefined) {
  const prefix = () => `test:throttler:${process.pid}:${next++}`;
  stores.push(["Redis", (clock) => redisStore({ redis, clock, prefix: prefix(), timeoutMs: 2000 })]);
}

// The tests in a Nest application are in @scale/nest.
describe.each(stores)("throttlerStorage on %s", (_, createStore) => {
  const setUp = () => {
    // A whole minute, at which a window begins.
    const clock = createManualClock(1_700_000_040_000);
    const storage = throttlerStorage({ store: createStore(clock), name: "nest" });
    const hit = (blockDuration: number, { key = "a", limit = 2, name = "default" } = {}) =>
      storage.increment(key, 60_000, limit, blockDuration, name);
    return { clock, hit };
  };
  const passed = (totalHits: number, timeToExpire: number) => ({
    totalHits,
    timeToExpire,
    isBlocked: false,
    timeToBlockExpire: 0,
  });

  it("counts hits of a window, in whole seconds", async () => {
    const { clock, hit } = setUp();
    expect(await hit(60_000)).toEqual(passed(1, 60));
    clock.advance(1500);
    expect(await hit(60_000)).toEqual(passed(2, 59));
    expect(await hit(60_000, { key: "b" })).toEqual(passed(1, 59));
    expect(await hit(60_000, { name: "long" })).toEqual(passed(1, 59));
    clock.advance(58_500);
    expect(await hit(60_000)).toEqual(passed(1, 60));
  });

  it("blocks from the hit above the limit for the whole duration, across windows, and then starts with an empty count", async () => {
    const { clock, hit } = setUp();
    clock.advance(50_000);
    await hit(60_000);
    await hit(60_000);
    expect(await hit(60_000)).toEqual({ totalHits: 3, timeToExpire: 10, isBlocked: true, timeToBlockExpire: 60 });
    // The window has ended, the block has not. Refused hits are not counted.
    clock.advance(59_000);
    for (let i = 0; i < 5; i++) expect(await hit(60_000)).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    clock.advance(1000);
    expect(await hit(60_000)).toMatchObject({ totalHits: 1, isBlocked: false });
  });

  it("starts with an empty count after a block that is shorter than the window", async () => {
    const { clock, hit } = setUp();
    for (let i = 0; i < 3; i++) await hit(5000);
    clock.advance(4000);
    expect(await hit(5000)).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    clock.advance(1000);
    expect(await hit(5000)).toMatchObject({ totalHits: 1, isBlocked: false });
    expect(await hit(5000)).toMatchObject({ totalHits: 2, isBlocked: false });
    expect(await hit(5000)).toMatchObject({ isBlocked: true, timeToBlockExpire: 5 });
  });

  it("without a block refuses until the window ends", async () => {
    const { clock, hit } = setUp();
    for (let i = 0; i < 2; i++) await hit(0);
    clock.advance(20_000);
    const refused = { totalHits: 3, timeToExpire: 40, isBlocked: true, timeToBlockExpire: 40 };
    expect([await hit(0), await hit(0)]).toEqual([refused, refused]);
    clock.advance(40_000);
    expect(await hit(0)).toEqual(passed(1, 60));
  });

  it("counts under a limit of Infinity, and throws for a limit or a duration that is no number", async () => {
    const { hit } = setUp();
    expect(await hit(60_000, { limit: Infinity })).toEqual(passed(1, 60));
    expect(await hit(60_000, { limit: Infinity })).toEqual(passed(2, 60));
    await expect(hit(60_000, { limit: Number.NaN })).rejects.toThrow(
      "throttlerStorage: limit: expected a number, got NaN",
    );
    await expect(hit(60_000, { limit: null as never })).rejects.toThrow("got null");
    await expect(hit(Number.NaN)).rejects.toThrow("blockDuration: expected 1 ms to 400 days, got NaN ms");
  });

  it("admits nothing at a limit of 0, and rounds a fractional limit down", async () => {
    const { hit } = setUp();
    expect(await hit(60_000, { limit: 0 })).toMatchObject({ totalHits: 1, isBlocked: true, timeToBlockExpire: 60 });
    expect(await hit(60_000, { limit: 1.5 })).toMatchObject({ isBlocked: false });
    expect(await hit(60_000, { limit: 1.5 })).toMatchObject({ isBlocked: true });
  });
});

describe("throttlerStorage: when the store cannot answer", () => {
  const fails = () => Promise.reject(new Error("ECONNRESET"));
  const down: RateLimitStore = { consume: fails, refund: fails, reset: fails, release: fails };
  const hit = (options: Partial<Parameters<typeof throttlerStorage>[0]>) =>
    throttlerStorage({ store: down, name: "nest", ...options }).increment("a", 60_000, 2, 60_000, "default");

  it("applies the chosen policy, and publishes the failure", async () => {
    const published: unknown[] = [];
    const stop = storeFail.subscribe(({ limiter, tenantId }) => published.push([limiter, tenantId]));
    await expect(hit({})).rejects.toMatchObject({ code: "SCALE_STORE" });
    expect(await hit({ whenStoreFails: "allow" })).toMatchObject({ isBlocked: false });
    expect(await hit({ whenStoreFails: "deny" })).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    stop();
    expect(published.length).toBeGreaterThanOrEqual(3);
    expect(published[0]).toEqual(["nest", "a"]);
  });

  it("throws for a wrong option", () => {
    expect(() => throttlerStorage({ store: down, name: "nest", whenStoreFails: "open" as "allow" })).toThrow(
      'throttlerStorage: whenStoreFails: expected allow, deny or throw, got "open"',
    );
    expect(() => throttlerStorage({ store: down, name: "" })).toThrow("throttlerStorage: name");
  });
});
