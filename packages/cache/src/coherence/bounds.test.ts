import type { RedisLike } from "@scale/core/redis";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { createCache, valueRefuse } from "../index.js";
import { redisStore } from "../redis/index.js";

const url = inject("redisUrl");
const tagsOf = (count: number, length = 1): string[] =>
  Array.from({ length: count }, (_, i) => `t${i}`.padEnd(length, "x"));

describe("a value with more tags than one may have", () => {
  it.each([
    ["tags", tagsOf(129), 129, 128],
    ["tags", tagsOf(20_000), 20_000, 128],
    ["tag-bytes", tagsOf(100, 200), 20_100, 4096],
  ] as const)("is kept nowhere in memory, and published: %s", async (reason, tags, got, max) => {
    const cache = createCache();
    let loads = 0;
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: () => tags,
      load: () => ++loads,
    });
    const events: unknown[] = [];
    const stop = valueRefuse.subscribe((event) => events.push(event));
    const acme = cache.tenant("acme");
    expect([await acme.get(row, "a"), await acme.get(row, "a")]).toEqual([1, 2]);
    stop();
    const event = { tenantId: "acme", name: "row", reason, got, max };
    expect(events).toEqual([event, event]);
  });

  it("is refused by a set too, which still ends the old value", async () => {
    const cache = createCache();
    let loads = 0;
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      tags: (value: number) => tagsOf(value),
      load: () => ++loads,
    });
    const acme = cache.tenant("acme");
    await acme.get(row, "a");
    expect(await acme.set(row, { params: "a", value: 500 })).toEqual({ state: "applied" });
    expect(acme.peek(row, "a")).toBeUndefined();
    expect(await acme.get(row, "a")).toBe(2);
  });

  it("may have as many tags as the bound, in any spelling, and repeated ones count once", async () => {
    const cache = createCache();
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      tags: () => [...tagsOf(128), ...tagsOf(128)],
      load: () => 1,
    });
    await cache.tenant("acme").get(row, "a");
    expect(cache.tenant("acme").peek(row, "a")).toBe(1);
  });
});

describe.skipIf(url === "")("commands to Redis", () => {
  const clients: Redis[] = [];
  afterAll(() => clients.forEach((client) => client.disconnect()));

  /** A process whose commands are noted: the number of their keys and arguments. */
  function open(prefix: string) {
    const redis = new Redis(url, { maxRetriesPerRequest: 0 });
    clients.push(redis);
    const sizes: number[] = [];
    const noted: RedisLike = new Proxy(redis, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        if (name !== "evalsha" && name !== "eval") return member.bind(target);
        return (...args: unknown[]) => {
          sizes.push(args.length);
          return Reflect.apply(member, target, args);
        };
      },
    });
    const cache = createCache({
      store: redisStore({ redis: noted, prefix, timeoutMs: 5000 }),
      staleness: { bound: 1 },
    });
    return { cache, sizes, redis };
  }

  it("stay short, however many tags a tenant invalidates", async () => {
    const { cache, sizes } = open(`bounds:${process.pid}:a`);
    let loads = 0;
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      tags: (_value: number, id: string) => [`t${id}`],
      load: () => ++loads,
    });
    const acme = cache.tenant("acme");
    await acme.get(row, "9999");
    sizes.length = 0;
    expect(await acme.invalidateTags(tagsOf(10_000))).toEqual({ state: "applied" });
    expect(sizes.length).toBeGreaterThanOrEqual(40);
    expect(Math.max(...sizes)).toBeLessThan(300);
    expect(await acme.get(row, "9999")).toBe(2);
    await cache.close();
  });

  it("read as many entries with as many tags as there may be, and find all of them", async () => {
    const prefix = `bounds:${process.pid}:b`;
    const [one, two] = [open(prefix), open(prefix)];
    const rowOf = ({ cache }: typeof one) =>
      cache.define({
        ...{ name: "row", key: (id: number) => id, ttl: "1m" },
        tags: (value: { id: number }) => tagsOf(128).map((tag) => `${tag}-${value.id % 20}`),
        load: (id: number) => ({ id }),
        loadMany: async (ids: readonly number[]) => ids.map((id) => ({ id })),
      });
    const ids = Array.from({ length: 128 }, (_, id) => id);
    await one.cache.tenant("acme").getMany(rowOf(one), ids);
    const row = rowOf(two);
    const { tenant } = two.cache;
    await expect
      .poll(
        async () => (await Promise.all(ids.map((id) => tenant("acme").getIfPresent(row, id)))).filter(Boolean).length,
      )
      .toBe(128);
    two.sizes.length = 0;
    const found = await Promise.all(ids.map((id) => tenant("acme").getWithInfo(row, id)));
    expect(new Set(found.map(({ source }) => source))).toEqual(new Set(["store"]));
    expect(found.map(({ value }) => value.id)).toEqual(ids);
    // 1,024 tags are looked at in one call: 8 entries.
    expect(two.sizes.length).toBeGreaterThanOrEqual(16);
    for (const { cache } of [one, two]) await cache.close();
  });

  it("keep a lease of nothing that was refused", async () => {
    const { cache, redis } = open(`bounds:${process.pid}:c`);
    let loads = 0;
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m", tags: () => tagsOf(129) },
      load: () => ++loads,
    });
    const acme = cache.tenant("acme");
    expect([await acme.get(row, "a"), await acme.get(row, "a"), await acme.get(row, "a")]).toEqual([1, 2, 3]);
    await expect.poll(() => redis.keys(`bounds:${process.pid}:c:*e:*`)).toEqual([]);
    await cache.close();
  });

  it("have keys of a bounded length, which invalidations find", async () => {
    const { cache, redis } = open(`bounds:${process.pid}:d`);
    let loads = 0;
    const row = cache.define({ name: "row", key: (q: string) => ["search", q], ttl: "1m", load: () => ++loads });
    const [long, other] = ["q".repeat(100_000), `${"q".repeat(99_999)}r`];
    const acme = cache.tenant("acme");
    expect([await acme.get(row, long), await acme.get(row, other), await acme.get(row, long)]).toEqual([1, 2, 1]);
    await expect.poll(() => redis.keys(`bounds:${process.pid}:d:*e:*`)).toHaveLength(2);
    for (const key of await redis.keys(`bounds:${process.pid}:d:*`)) expect(key.length).toBeLessThan(200);
    await acme.invalidate(row, long);
    expect([await acme.get(row, long), await acme.get(row, other)]).toEqual([3, 2]);
    await cache.close();
  });
});
