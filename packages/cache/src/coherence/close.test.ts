import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createCache, type Cache } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");
let next = 0;

describe.skipIf(!url)("close", () => {
  let redis: Redis;
  let prefix: string;
  beforeEach(() => {
    redis = new Redis(url);
    prefix = `close:${process.pid}:${next++}`;
  });
  afterEach(() => redis.disconnect());

  const open = (): Cache => createCache({ store: redisStore({ redis, prefix, timeoutMs: 2000, leaseMs: 5000 }) });
  const rowOf = (cache: Cache, load: () => string | Promise<string>) =>
    cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load });

  it("leaves the value of the last load in the store, for the next of many short processes", async () => {
    let loads = 0;
    for (let i = 0; i < 20; i++) {
      await using cache = open();
      const row = rowOf(cache, () => `load ${++loads}`);
      expect(await cache.tenant("acme").get(row, "a")).toBe("load 1");
    }
    expect(loads).toBe(1);
  });

  it("gives the lease of a load that still runs back, so that another process loads at once", async () => {
    const stuck = gate<string>();
    const one = open();
    const slow = rowOf(one, () => stuck.opened);
    const got = one.tenant("acme").get(slow, "a");
    await waitUntil(async () => (await redis.keys(`${prefix}*`)).length > 0, { what: "the lease", everyMs: 1 });
    await one.close({ timeoutMs: 20 });
    const two = open();
    const startedAt = performance.now();
    expect(
      await two.tenant("acme").get(
        rowOf(two, () => "theirs"),
        "a",
      ),
    ).toBe("theirs");
    expect(performance.now() - startedAt).toBeLessThan(2000);
    await two.close();
    stuck.open("mine");
    expect(await got).toBe("mine");
    const three = open();
    expect(
      await three.tenant("acme").get(
        rowOf(three, () => "again"),
        "a",
      ),
    ).toBe("theirs");
    await three.close();
  });

  it("resolves within its time when Redis is gone, and can be called again", async () => {
    const cache = open();
    const row = rowOf(cache, () => "a");
    await cache.tenant("acme").get(row, "a");
    redis.disconnect();
    await Promise.all([cache.close({ timeoutMs: 50 }), cache.close()]);
    await cache.close();
  });
});
