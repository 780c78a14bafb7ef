import { setImmediate as nextTurn } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { type Cache, createCache, createKeyValueCache } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");

describe.skipIf(!url)("a value that is written without pause", () => {
  const clients: Redis[] = [];
  const caches: Cache[] = [];
  const open = (): Cache => {
    const [redis, subscriber] = [new Redis(url), new Redis(url)];
    const store = redisStore({ redis, subscriber, prefix: `written:${process.pid}`, timeoutMs: 2000 });
    const cache = createCache({ store });
    clients.push(redis, subscriber);
    caches.push(cache);
    return cache;
  };
  beforeEach(() => void [open(), open()]);
  afterEach(async () => {
    for (const cache of caches.splice(0)) await cache.close();
    for (const client of clients.splice(0)) client.disconnect();
  });

  it("is missed by no reader, and never goes back", async () => {
    const [writer, reader] = caches.map((cache) => createKeyValueCache(cache, { tenantId: "acme" }));
    await writer?.set("k", 0, 60);
    const state = { isDone: false };
    const writes = (async () => {
      for (let i = 1; i <= 300; i++) await writer?.set("k", i, 60);
      state.isDone = true;
    })();
    const seen: unknown[] = [];
    while (!state.isDone) {
      seen.push(await reader?.get("k"));
      // A value in memory takes no turn of the event loop.
      await nextTurn();
    }
    await writes;
    expect(seen.filter((value) => value === undefined)).toEqual([]);
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
    expect(seen.length).toBeGreaterThan(50);
  });
});
