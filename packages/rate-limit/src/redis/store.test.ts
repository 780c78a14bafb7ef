import { createManualClock, type ManualClock } from "@scale/core/testing";
import { startFaultProxy, startRedis, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { inBatches } from "../../test/in-batches.js";
import { describeRateLimitStore, ruleOf } from "../testing/index.js";
import type { ConsumeRequest, ConsumeResult, RateLimitStore } from "../types.js";
import { redisStore, type RedisStoreOptions } from "./store.js";

const url = inject("redisUrl");
let next = 0;
/** Its own prefix keeps each test apart from all others on the shared server. */
const prefix = (): string => `test:${process.pid}:${next++}`;

const on = (client: RedisStoreOptions["redis"]) => (clock: ManualClock) =>
  redisStore({ redis: client, prefix: prefix(), clock, timeoutMs: 2000 });

/** A server of its own: other test files send commands to the shared one meanwhile. */
async function ownRedis(): Promise<Redis> {
  const server = await startRedis();
  const client = new Redis(server.url, { maxRetriesPerRequest: 0 });
  onTestFinished(async () => {
    client.disconnect();
    await server.stop();
  });
  return client;
}

const rule = ruleOf({ limit: 10, windowMs: 60_000 });
const request = (cost: number, tenantId = "acme"): ConsumeRequest => ({
  tenantId,
  cost,
  charges: [{ rule, subject: tenantId, scope: ["api", "tenant"] }],
});

describe.skipIf(!url)("redisStore", () => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  const redis5 = new Redis5(url, { keyPrefix: "app:", maxRetriesPerRequest: 0 });
  const strings = new Redis(url, { maxRetriesPerRequest: 0, stringNumbers: true });
  const nodeRedis = createClient({ url });
  beforeAll(() => nodeRedis.connect());
  afterAll(() => {
    redis.disconnect();
    redis5.disconnect();
    strings.disconnect();
    nodeRedis.destroy();
  });

  describeRateLimitStore("ioredis 6", on(redis));
  describeRateLimitStore("ioredis 6, in batches of GCRA rules", (clock) => inBatches(on(redis)(clock), "gcra"));
  describeRateLimitStore("ioredis 6, in batches of any rules", (clock) => inBatches(on(redis)(clock), "fixed-window"));
  describeRateLimitStore("ioredis 5 with keyPrefix", on(redis5));
  describeRateLimitStore("ioredis 6 with stringNumbers", on(strings));
  describeRateLimitStore("node-redis", on(nodeRedis));

  it("refuses a client that repeats commands after a broken connection, which would charge twice", () => {
    const options = { lazyConnect: true };
    expect(() => redisStore({ redis: new Redis(options) })).toThrow(
      expect.objectContaining({ code: "SCALE_WIRING", message: expect.stringContaining("maxRetriesPerRequest: 0") }),
    );
    expect(() => redisStore({ redis: new Cluster([{ port: 1 }], options) })).toThrow(/retryDelayOnFailover: 0/);
  });

  it("charges once when the connection breaks after Redis decided", async () => {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.url);
    const client = new Redis(proxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
    client.on("error", () => undefined);
    const store = redisStore({ redis: client, prefix: prefix(), timeoutMs: 500 });
    const soon = async (cost: number) => {
      let result: ConsumeResult | undefined;
      await waitUntil(async () => (result = await store.consume(request(cost))) !== undefined, { what: "an answer" });
      return result?.statuses[0]?.remaining;
    };
    expect(await soon(0)).toBe(10);
    proxy.cutAfter(1);
    await expect(store.consume(request(4))).rejects.toMatchObject({ code: "SCALE_STORE" });
    expect(await soon(0)).toBe(6);
    client.disconnect();
    await proxy.close();
    await server.stop();
  });

  it("sends the decisions of one turn as few commands", async () => {
    const client = await ownRedis();
    const store = redisStore({ redis: client, prefix: prefix(), timeoutMs: 2000 });
    await store.consume(request(0));
    const calls = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"))?.[1]);
    const before = await calls();
    await Promise.all(Array.from({ length: 64 }, (_, i) => store.consume(request(1, `tenant-${i}`))));
    expect((await calls()) - before).toBeLessThanOrEqual(3);
  });

  it("decides more requests of one turn than fit into a command as if they came one after the other", async () => {
    const store = on(redis)(createManualClock());
    const answers = await Promise.all(Array.from({ length: 500 }, () => store.consume(request(1))));
    expect(answers.map(({ allowed }) => allowed)).toEqual(answers.map((_, i) => i < 10));
  });

  it("leaves a count unchanged when the same batch denies a request under a smaller limit", async () => {
    const store = on(redis)(createManualClock());
    const under = (cost: number, limit: number, shadow: boolean): ConsumeRequest => ({
      ...request(cost),
      charges: [{ rule: { ...rule, limit, burst: limit, shadow }, subject: "acme", scope: ["api", "tenant"] }],
    });
    await store.consume(under(100, 100, false));
    for (const shadow of [false, true]) {
      const all = [under(0, 100, false), under(1, 5, false), under(90, 100, shadow)];
      const [, denied, large] = await Promise.all(all.map((each) => store.consume(each)));
      expect([denied?.allowed, large?.statuses[0]?.remaining]).toEqual([false, 0]);
    }
  });

  it("loads its scripts again after SCRIPT FLUSH, and charges once", async () => {
    const client = await ownRedis();
    const store = redisStore({ redis: client, prefix: prefix(), timeoutMs: 2000 });
    const remaining: (number | undefined)[] = [];
    for (const algorithm of ["gcra", "fixed-window"] as const) {
      const charges = [{ rule: { ...rule, algorithm }, subject: algorithm, scope: ["api", algorithm] }];
      const one = { tenantId: "acme", cost: 1, charges };
      for (const together of [1, 3]) {
        await client.script("FLUSH");
        const answers = await Promise.all(Array.from({ length: together }, () => store.consume(one)));
        remaining.push(answers.at(-1)?.statuses[0]?.remaining);
      }
      await client.script("FLUSH");
      await store.reset(one);
      remaining.push((await store.consume(one)).statuses[0]?.remaining);
    }
    expect(remaining).toEqual([9, 6, 9, 9, 6, 9]);
  });
});

describe.skipIf(!url)("redisStore on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([...cluster.addresses], { retryDelayOnFailover: 0 });
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  describeRateLimitStore("ioredis 6 Cluster", (clock) => on(client)(clock));

  it("decides many tenants of one turn, wherever their keys lie and whatever their ids contain", async () => {
    const store: RateLimitStore = on(client)(createManualClock());
    const tenants = Array.from({ length: 900 }, (_, i) => `${i % 2 === 0 ? "tenant" : "}{*:"}-${i % 300}`);
    const answers = await Promise.all(tenants.map((tenantId) => store.consume(request(5, tenantId))));
    expect(answers.map(({ allowed }) => allowed)).toEqual(tenants.map((_, i) => i < 600));
  });

  it("keeps all keys of a tenant in one slot, whatever its id contains", async () => {
    const store: RateLimitStore = on(client)(createManualClock());
    for (const tenantId of ["}{", "{}", "a}b{c", "", "{{x}}", "\ud800", "}"].map((id) => `${id}:tenant`)) {
      const charges = ["tenant", "{other}", "}{", "user:{1}"].map((subject) => ({
        ...request(1).charges[0]!,
        subject,
      }));
      const { allowed, statuses } = await store.consume({ tenantId, cost: 1, charges });
      expect({ tenantId, allowed, remaining: statuses.map(({ remaining }) => remaining) }).toEqual({
        ...{ tenantId, allowed: true, remaining: [9, 9, 9, 9] },
      });
    }
  });
});
