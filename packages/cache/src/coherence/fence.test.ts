import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { gate, untilServed } from "../../scenarios/node.js";
import { type Cache, type CacheStore, createCache, type Definition } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");
let next = 0;

/** Touches other tenants until this one is forgotten. */
const crowd = (cache: Cache): void => ["b", "c", "d"].forEach((tenantId) => cache.tenant(tenantId));

describe.skipIf(!url)("a tenant that is forgotten during a call to the store", () => {
  let redis: Redis;
  let subscriber: Redis;
  let cache: Cache;
  let row: Definition<string, string>;
  let hold: ReturnType<typeof gate<void>>;
  let answered: ReturnType<typeof gate<void>>;

  /** Holds the answer of the store back until the test lets it through. */
  async function held<T>(work: Promise<T>): Promise<T> {
    const answer = await work;
    answered.open();
    await hold.opened;
    return answer;
  }
  beforeEach(async () => {
    [hold, answered] = [gate(), gate()];
    redis = new Redis(url);
    subscriber = redis.duplicate();
    const real = redisStore({ redis, subscriber, prefix: `fence:${process.pid}:${next++}`, timeoutMs: 500 });
    const store: CacheStore = {
      ...real,
      readWithoutLease: (place) => held(real.readWithoutLease(place)),
      fillIn: (lease, content) =>
        lease.notify !== undefined ? held(real.fillIn(lease, content)) : real.fillIn(lease, content),
    };
    cache = createCache({ store, maxTenants: 2 });
    row = cache.define({ name: "row", key: (id) => id, ttl: "1m", load: () => "new" });
    await untilServed({ cache, redis, subscriber, close: () => undefined });
    const writer = createCache({ store: real });
    await writer.tenant("acme").set(row, { params: "a", value: "old" });
    void writer.close();
  });
  afterEach(() => {
    void cache.close();
    redis.disconnect();
    subscriber.disconnect();
  });

  it("keeps no value that was read before an invalidation", async () => {
    const found = cache.tenant("acme").getIfPresent(row, "a");
    await answered.opened;
    crowd(cache);
    await cache.tenant("acme").invalidate(row, "a");
    hold.open();
    expect((await found)?.value).toBe("old");
    expect(await cache.tenant("acme").get(row, "a")).toBe("new");
  });

  it("keeps no value that was set before an invalidation", async () => {
    const set = cache.tenant("acme").set(row, { params: "a", value: "set" });
    await answered.opened;
    crowd(cache);
    await cache.tenant("acme").clear();
    hold.open();
    expect((await set).state).toBe("applied");
    expect(await cache.tenant("acme").get(row, "a")).toBe("new");
  });
});
