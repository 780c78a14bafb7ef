import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { type Cache, createCache } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");
const BOUND_MS = 300;
let next = 0;

describe.skipIf(!url)("caches that share connections", () => {
  let prefix: string;
  let redis: Redis;
  let subscriber: Redis;
  let other: Cache;
  let otherBus: Redis;
  const opened: Cache[] = [];

  const open = (store = redisStore({ redis, subscriber, prefix, timeoutMs: 2000 })): Cache => {
    const cache = createCache({ store, staleness: { bound: BOUND_MS } });
    opened.push(cache);
    return cache;
  };
  const served = async (...caches: readonly Cache[]): Promise<void> => {
    const areServed = (): boolean => caches.every((cache) => cache.health().isMemoryServed);
    await waitUntil(areServed, { what: "memory is served", everyMs: 2 });
  };

  let value: string;
  const rowOf = (cache: Cache) => {
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1h", load: () => value });
    const tenant = cache.tenant("acme");
    return {
      get: (id: string) => tenant.get(row, id),
      /** Loads the old value, and waits until memory has it: the caller gets it before that. */
      async fill(id: string) {
        value = "old";
        await tenant.get(row, id);
        await waitUntil(() => tenant.peek(row, id) === "old", { what: "memory has the value", everyMs: 1 });
      },
      peek: (id: string) => tenant.peek(row, id),
      end: (id: string) => tenant.invalidate(row, id),
    };
  };

  beforeEach(async () => {
    prefix = `shared:${process.pid}:${next++}`;
    value = "old";
    [redis, subscriber, otherBus] = [new Redis(url), new Redis(url), new Redis(url)];
    other = open(redisStore({ redis, subscriber: otherBus, prefix, timeoutMs: 2000 }));
    await served(other);
  });
  afterEach(() => {
    for (const cache of opened.splice(0)) void cache.close();
    for (const client of [redis, subscriber, otherBus]) client.disconnect();
  });

  it("keep hearing invalidations when one of them closes", async () => {
    const [first, second] = [open(), open()];
    await served(first, second);
    const rows = rowOf(second);
    void first.close();
    for (let i = 0; i < 10; i++) {
      await rows.fill(`r${i}`);
      value = "new";
      expect(await rowOf(other).end(`r${i}`)).toEqual({ state: "applied" });
      await waitUntil(() => rows.peek(`r${i}`) === undefined, { what: "the invalidation", timeoutMs: 200, everyMs: 1 });
      expect(await rows.get(`r${i}`)).toBe("new");
    }
    expect(second.health().isMemoryServed).toBe(true);
  });

  it("hear each other's invalidations through one store object", async () => {
    const store = redisStore({ redis, subscriber, prefix, timeoutMs: 2000 });
    const [first, second] = [open(store), open(store)];
    await served(first, second);
    const rows = rowOf(second);
    await rows.fill("a");
    value = "new";
    expect(await rowOf(first).end("a")).toEqual({ state: "applied" });
    await waitUntil(() => rows.peek("a") === undefined, { what: "the invalidation", timeoutMs: 200, everyMs: 1 });
    expect(await rows.get("a")).toBe("new");
  });

  it("serve nothing from memory after the bound when the application leaves the channel, and subscribe again", async () => {
    const cache = open();
    await served(cache);
    const rows = rowOf(cache);
    await rows.fill("a");
    await subscriber.unsubscribe();
    value = "new";
    await rowOf(other).end("a");
    const leftAt = performance.now();
    await waitUntil(async () => (await rows.get("a")) === "new", {
      what: "the new value",
      timeoutMs: 2000,
      everyMs: 5,
    });
    expect(performance.now() - leftAt).toBeLessThan(BOUND_MS + 200);
    await served(cache);
    const isInMemory = async (): Promise<boolean> => (await rows.get("a")) === "new" && rows.peek("a") === "new";
    await waitUntil(isInMemory, { what: "memory has the value", everyMs: 5 });
  });
});
