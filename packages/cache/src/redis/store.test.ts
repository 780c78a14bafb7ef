import { startRedis, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { at, content, invalidation, lease, put, textOf } from "../testing/context.js";
import { type CreatedStores, describeCacheStore } from "../testing/index.js";
import { redisStore, type RedisStoreOptions } from "./store.js";

const url = inject("redisUrl");
let next = 0;
/** A prefix of its own separates each test from all others on the shared server. */
const prefix = (): string => `test:cache:${process.pid}:${next++}`;

const LEASE_MS = 400;

type Clients = Pick<RedisStoreOptions, "redis" | "subscriber">;

const on =
  (clients: () => readonly [Clients, Clients]): (() => CreatedStores | Promise<CreatedStores>) =>
  () => {
    const options = { prefix: prefix(), timeoutMs: 2000, leaseMs: LEASE_MS };
    const [one, two] = clients();
    return { stores: [redisStore({ ...one, ...options }), redisStore({ ...two, ...options })] };
  };

describe.skipIf(!url)("redisStore", () => {
  const redis = new Redis(url);
  const subscribers = [new Redis(url), new Redis(url)] as const;
  const redis5 = new Redis5(url, { keyPrefix: "app:" });
  const subscribers5 = [new Redis5(url, { keyPrefix: "app:" }), new Redis5(url, { keyPrefix: "app:" })] as const;
  const nodeRedis = createClient({ url });
  const nodeSubscribers = [createClient({ url }), createClient({ url })] as const;
  beforeAll(() => Promise.all([nodeRedis, ...nodeSubscribers].map((client) => client.connect())));
  afterAll(() => {
    for (const client of [redis, ...subscribers, redis5, ...subscribers5]) client.disconnect();
    for (const client of [nodeRedis, ...nodeSubscribers]) client.destroy();
  });

  describeCacheStore(
    "ioredis 6",
    on(() => [
      { redis, subscriber: subscribers[0] },
      { redis, subscriber: subscribers[1] },
    ]),
  );
  describeCacheStore(
    "ioredis 5 with keyPrefix",
    on(() => [
      { redis: redis5, subscriber: subscribers5[0] },
      { redis: redis5, subscriber: subscribers5[1] },
    ]),
  );
  describeCacheStore(
    "node-redis",
    on(() => [
      { redis: nodeRedis, subscriber: nodeSubscribers[0] },
      { redis: nodeRedis, subscriber: nodeSubscribers[1] },
    ]),
  );

  const store = (name: string) => redisStore({ redis, prefix: name, timeoutMs: 2000, leaseMs: LEASE_MS });

  it("writes no key without an expiry", async () => {
    const name = prefix();
    const one = store(name);
    await put(one, at("a"), content("a", { tags: ["t1"] }));
    await put(one, at("b", ""), content("b"));
    await one.invalidate(invalidation({ tags: ["t1", "t2"] }));
    await one.invalidate(invalidation({ all: true }, "other"));
    await lease(one, at("c"));
    await one.claim(at("a"), { to: "refresh" });
    await one.claim(at("d"), { to: "write", version: 1 });
    const keys = await redis.keys(`${name}*`);
    const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
    expect(keys.length).toBeGreaterThan(6);
    expect(keys.filter((_, i) => (ttls[i] ?? -1) <= 0)).toEqual([]);
  });

  it("keeps generation and tags longer than the entry that depends on them", async () => {
    const name = prefix();
    const day = 86_400_000;
    await put(store(name), at("a"), content("a", { tags: ["t1"], freshMs: day, usableMs: 2 * day }));
    for (const key of ["g", "t:t1"]) expect(await redis.pttl(`${name}:{acme}:${key}`)).toBeGreaterThan(2 * day);
  });

  it.each(["g", "t:t1"])("treats entries of an evicted %s as missing, and never revives them", async (evicted) => {
    const name = prefix();
    const one = store(name);
    await put(one, at("a"), content("old", { tags: ["t1"] }));
    const held = await lease(one, at("b"));
    await one.invalidate(invalidation({ tags: ["t1"] }));
    await redis.del(`${name}:{acme}:${evicted}`);
    expect(await one.fillIn(held, content("late", { tags: ["t1"] }))).toBe(false);
    expect((await one.read(at("a"))).is).toBe("leased");
    await put(one, at("c"), content("new", { tags: ["t1"] }));
    expect([textOf(await one.read(at("a"))), textOf(await one.read(at("c")))]).toEqual(["busy", "new"]);
  });

  it("treats a tag or generation that another program overwrote as missing, and reads the rest", async () => {
    const name = prefix();
    const one = store(name);
    await put(one, at("a"), content("a", { tags: ["t1"] }));
    await put(one, at("b", "globex"), content("b", { tags: ["t1"] }));
    await redis.del(`${name}:{acme}:t:t1`);
    await redis.lpush(`${name}:{acme}:t:t1`, "x");
    const tagged = (tenantId: string, key: string) => one.read({ ...at(key, tenantId), hasTags: true });
    const [mine, theirs] = await Promise.all([tagged("acme", "a"), tagged("globex", "b")]);
    expect([mine.is, textOf(theirs)]).toEqual(["leased", "b"]);
    await redis.set(`${name}:{acme}:g`, "junk", "PX", 60_000);
    await put(one, at("c"), content("c"));
    expect(textOf(await one.read(at("c")))).toBe("c");
    await redis.set(`${name}:{acme}:g`, "junk", "PX", 60_000);
    expect((await one.claim(at("d"), { to: "write", version: 1 })).is).toBe("leased");
  });

  /** The client after it has lost a reply with its connection: each command was carried out before, and is sent again. */
  const resending = (repeat: () => Promise<unknown> = () => Promise.resolve()): RedisStoreOptions["redis"] => {
    const twice =
      (name: "evalsha" | "eval") =>
      async (script: string, count: number, ...rest: (string | number | Buffer)[]): Promise<unknown> => {
        await redis[name](script, count, ...rest);
        await repeat();
        return redis[name](script, count, ...rest);
      };
    return { status: "ready", isCluster: false, evalsha: twice("evalsha"), eval: twice("eval") };
  };

  it("holds the lease of a read and of a claim that the client has sent twice", async () => {
    const name = prefix();
    const twice = redisStore({ redis: resending(), prefix: name, timeoutMs: 2000, leaseMs: LEASE_MS });
    const reads = await Promise.all(["a", "a", "b"].map((key) => twice.read(at(key))));
    expect(reads.map(({ is }) => is)).toEqual(["leased", "busy", "leased"]);
    const held = await lease(twice, at("c"));
    expect(await store(name).fillIn(held, content("c"))).toBe(true);
    for (const reason of [{ to: "refresh" }, { to: "write", version: 1 }] as const) {
      expect((await twice.claim(at("c"), reason)).is).toBe("leased");
      expect((await store(name).claim(at("c"), { to: "refresh" })).is).toBe("busy");
      await new Promise((resolve) => setTimeout(resolve, LEASE_MS + 10));
    }
  });

  it("revives nothing when the client sends a clear again after another one", async () => {
    const name = prefix();
    const [one, clear] = [store(name), invalidation({ all: true })];
    const between = async (): Promise<void> => {
      await put(one, at("a"), content("old"));
      await one.invalidate(clear);
    };
    const twice = redisStore({ redis: resending(between), prefix: name, timeoutMs: 2000, leaseMs: LEASE_MS });
    await put(one, at("b"), content("older"));
    await twice.invalidate(clear);
    expect((await Promise.all([one.read(at("a")), one.read(at("b"))])).map(({ is }) => is)).toEqual([
      "leased",
      "leased",
    ]);
  });

  it("sends the reads of one turn in few commands", async () => {
    // A server of its own: other test files send commands to the shared one meanwhile.
    const server = await startRedis();
    const client = new Redis(server.url);
    onTestFinished(async () => {
      client.disconnect();
      await server.stop();
    });
    const one = redisStore({ redis: client, prefix: prefix(), timeoutMs: 2000 });
    await put(one, at("a"), content("a"));
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"))?.[1]);
    const before = await calls();
    await Promise.all(Array.from({ length: 100 }, (_, i) => one.read(at("a", `tenant-${i % 5}`))));
    expect((await calls()) - before).toBeLessThanOrEqual(4);
  });
});

describe.skipIf(!url)("redisStore on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  const subscribers: Redis[] = [];
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([...cluster.addresses]);
    for (const { host, port } of cluster.addresses.slice(0, 2)) subscribers.push(new Redis(port, host));
  });
  afterAll(async () => {
    for (const each of [client, ...subscribers]) each.disconnect();
    await cluster.stop();
  });

  describeCacheStore(
    "ioredis 6 Cluster",
    on(() => [
      { redis: client, subscriber: subscribers[0]! },
      { redis: client, subscriber: subscribers[1]! },
    ]),
  );
});
