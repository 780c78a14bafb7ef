import { createManualClock, type ManualClock } from "@scale/core/testing";
import { startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeRateLimitStore } from "../testing/index.js";
import type { RateLimitStore, Take } from "../types.js";
import { redisStore, type RedisStoreOptions } from "./store.js";

const url = inject("redisUrl");
let next = 0;
/** Its own prefix keeps each test apart from all others on the shared server. */
const prefix = (): string => `test:${process.pid}:${next++}`;

const rule = { name: "tenant", by: "tenant", limit: 10, windowMs: 60_000, burst: 10 } as const;
const take = (cost: number, tenantId = "acme"): Take => ({
  tenantId,
  cost,
  charges: [{ rule, subject: tenantId, scope: ["api", "tenant"] }],
});

describe.skipIf(!url)("redisStore", () => {
  const redis = new Redis(url);
  const redis5 = new Redis5(url, { keyPrefix: "app:" });
  const nodeRedis = createClient({ url });
  beforeAll(() => nodeRedis.connect());
  afterAll(() => {
    redis.disconnect();
    redis5.disconnect();
    nodeRedis.destroy();
  });

  const on = (client: RedisStoreOptions["redis"]) => (clock: ManualClock) =>
    redisStore({ redis: client, prefix: prefix(), clock, timeoutMs: 2000 });
  describeRateLimitStore("ioredis 6", on(redis));
  describeRateLimitStore("ioredis 5 with keyPrefix", on(redis5));
  describeRateLimitStore("node-redis", on(nodeRedis));

  it("lets every key expire when its bucket is full again", async () => {
    const at = prefix();
    await redisStore({ redis, prefix: at, timeoutMs: 2000 }).take(take(1));
    const ttl = await redis.pttl(`${at}:{acme}:api:tenant:acme`);
    expect(ttl).toBeGreaterThan(59_000);
    expect(ttl).toBeLessThanOrEqual(60_001);
  });

  it("writes nothing for a denial and for a cost of 0", async () => {
    const at = prefix();
    const store = redisStore({ redis, prefix: at, timeoutMs: 2000 });
    await store.take(take(11));
    await store.take(take(0));
    expect(await redis.exists(`${at}:{acme}:api:tenant:acme`)).toBe(0);
  });

  it("treats a foreign value under its key as a full bucket", async () => {
    const at = prefix();
    const store = redisStore({ redis, prefix: at, timeoutMs: 2000 });
    for (const poison of ["", "x", "not a bucket at all", "\u0000".repeat(16), "\u00ff".repeat(16)]) {
      await redis.set(`${at}:{acme}:api:tenant:acme`, poison);
      expect((await store.take(take(10))).allowed).toBe(true);
    }
    await redis.del(`${at}:{acme}:api:tenant:acme`);
    await redis.lpush(`${at}:{acme}:api:tenant:acme`, "a list");
    expect((await store.take(take(10))).allowed).toBe(true);
  });

  it("locks nobody out longer than a bucket takes to empty when the server's clock is set back", async () => {
    const clock = createManualClock();
    const store = redisStore({ redis, prefix: prefix(), clock, timeoutMs: 2000 });
    await store.take(take(10));
    clock.setWall(clock.now() - 3_600_000);
    expect(await store.take(take(1))).toMatchObject({ allowed: false, standings: [{ retryAfterMs: 6000 }] });
    clock.advance(5999);
    expect((await store.take(take(1))).allowed).toBe(false);
    clock.advance(1);
    expect((await store.take(take(1))).allowed).toBe(true);
  });

  it("sends the decisions of one turn as few commands", async () => {
    const store = redisStore({ redis, prefix: prefix(), timeoutMs: 2000 });
    await store.take(take(0));
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1]);
    const before = await calls();
    await Promise.all(Array.from({ length: 64 }, (_, i) => store.take(take(1, `tenant-${i}`))));
    expect((await calls()) - before).toBeLessThanOrEqual(2);
  });

  it("loads its script again after SCRIPT FLUSH, and charges once", async () => {
    const store = redisStore({ redis, prefix: prefix(), timeoutMs: 2000 });
    await store.take(take(1));
    await redis.script("FLUSH");
    expect((await store.take(take(1))).standings[0]?.remaining).toBe(8);
  });
});

describe.skipIf(!url)("redisStore on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  describeRateLimitStore("ioredis 6 Cluster", (clock) =>
    redisStore({ redis: client, prefix: prefix(), clock, timeoutMs: 2000 }),
  );

  it("decides many tenants of one turn, wherever their keys lie", async () => {
    const store: RateLimitStore = redisStore({
      redis: client,
      prefix: prefix(),
      clock: createManualClock(),
      timeoutMs: 2000,
    });
    const tenants = Array.from({ length: 60 }, (_, i) => `tenant-${i % 20}`);
    const answers = await Promise.all(tenants.map((tenantId) => store.take(take(5, tenantId))));
    expect(answers.map(({ allowed }) => allowed)).toEqual([...Array(40).fill(true), ...Array(20).fill(false)]);
  });
});
