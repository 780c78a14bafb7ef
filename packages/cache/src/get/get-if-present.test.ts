import { createManualClock } from "@scale/core/testing";
import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { gate, startNode, untilServed } from "../../scenarios/node.js";
import { type CacheStore, createCache } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");
let next = 0;
const prefix = (): string => `present:${process.pid}:${next++}`;

const never = (): never => {
  throw new Error("loaded");
};
const options = { name: "row", key: (id: string) => id, ttl: "1m" } as const;

describe("getIfPresent without a store", () => {
  it("returns a fresh value from memory, and loads nothing", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    const row = cache.define<string, number>({ ...options, load: never });
    const acme = cache.tenant("acme");
    expect(await acme.getIfPresent(row, "a")).toBeUndefined();
    await acme.set(row, { params: "a", value: 0 });
    clock.advance(1000);
    expect(await acme.getIfPresent(row, "a")).toEqual({ value: 0, source: "memory", ageMs: 1000, isStale: false });
    clock.advance(60_000);
    expect(await acme.getIfPresent(row, "a")).toBeUndefined();
  });
});

describe.skipIf(!url)("getIfPresent", () => {
  it("returns a value that another process has set, and keeps it in memory", async () => {
    const name = prefix();
    const [one, two] = [startNode(url, { prefix: name }), startNode(url, { prefix: name })];
    await untilServed(one, two);
    const row = one.cache.define<string, number | null>({ ...options, load: never });
    await one.cache.tenant("acme").set(row, { params: "a", value: null });
    const acme = two.cache.tenant("acme");
    expect(await acme.getIfPresent(row, "a")).toMatchObject({ value: null, source: "store" });
    // The message of the write may arrive after the value.
    const isKept = async (): Promise<boolean> => (await acme.getIfPresent(row, "a"))?.source === "memory";
    await waitUntil(isKept, { what: "the value is in memory" });
    expect(await two.cache.tenant("globex").getIfPresent(row, "a")).toBeUndefined();
    one.close();
    two.close();
  });

  it("takes no lease: a later get loads at once", async () => {
    const node = startNode(url, { prefix: prefix() });
    await untilServed(node);
    const row = node.cache.define({ ...options, load: () => "loaded" });
    const acme = node.cache.tenant("acme");
    expect(await acme.getIfPresent(row, "a")).toBeUndefined();
    const startedAt = performance.now();
    expect(await acme.get(row, "a")).toBe("loaded");
    // If it had taken the lease, the load would wait for the lease to end.
    expect(performance.now() - startedAt).toBeLessThan(1000);
    node.close();
  });

  it("keeps no value that was invalidated during the read", async () => {
    const redis = new Redis(url);
    const subscriber = redis.duplicate();
    const real = redisStore({ redis, subscriber, prefix: prefix(), timeoutMs: 500 });
    const hold = gate();
    const store: CacheStore = {
      ...real,
      async readWithoutLease(place) {
        const stored = await real.readWithoutLease(place);
        await hold.opened;
        return stored;
      },
    };
    const cache = createCache({ store });
    await untilServed({ cache, redis, subscriber, close: () => undefined });
    const row = cache.define<string, string>({ ...options, load: never });
    const writer = createCache({ store: real });
    await writer.tenant("acme").set(row, { params: "a", value: "old" });
    const found = cache.tenant("acme").getIfPresent(row, "a");
    await real.readWithoutLease({ tenantId: "acme", key: "row:a" });
    await cache.tenant("acme").invalidate(row, "a");
    hold.open();
    expect((await found)?.value).toBe("old");
    expect(cache.tenant("acme").peek(row, "a")).toBeUndefined();
    for (const each of [cache, writer]) void each.close();
    redis.disconnect();
    subscriber.disconnect();
  });

  it("keeps a value that another process has loaded since, and reads the store once", async () => {
    const name = prefix();
    const [one, two] = [startNode(url, { prefix: name }), startNode(url, { prefix: name })];
    await untilServed(one, two);
    let loads = 0;
    const rowIn = ({ cache }: typeof one, ttl: "20ms" | "1m") =>
      cache.define({ ...options, ttl, freshness: { grace: "1h" }, load: () => ++loads });
    const [short, long] = [rowIn(one, "20ms"), rowIn(two, "1m")];
    const acme = one.cache.tenant("acme");
    await acme.get(short, "a");
    const theirs = async (): Promise<boolean> => (await two.cache.tenant("acme").get(long, "a")) === 2;
    await waitUntil(theirs, { what: "the other process has loaded it again", everyMs: 5 });
    await waitUntil(async () => (await acme.getIfPresent(short, "a"))?.source === "store", {
      what: "it is in the store",
    });
    expect(await acme.getIfPresent(short, "a")).toMatchObject({ value: 2, source: "memory" });
    one.close();
    two.close();
  });

  it("returns undefined, and does not reject, when Redis is down", async () => {
    const redis = new Redis({ port: 1, lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => undefined);
    const cache = createCache({ store: redisStore({ redis, timeoutMs: 50 }) });
    const row = cache.define<string, string>({ ...options, load: never });
    expect(await cache.tenant("acme").getIfPresent(row, "a")).toBeUndefined();
    void cache.close();
    redis.disconnect();
  });
});
