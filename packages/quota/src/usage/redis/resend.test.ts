import { type FaultProxy, startFaultProxy, startRedis, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { type RedisUsage, redisUsage, type RedisUsageOptions } from "./store.js";

const period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const tenantId = "acme";
const address = { tenantId, metric: "tokens", period };
const of = (units: number) => ({ metric: "tokens", period, limit: 100, max: 100, units });

/** A client that sends commands again whose reply was lost together with the connection. */
describe.skipIf(!inject("redisUrl"))("redisUsage over a client that sends again", () => {
  async function open(client: (proxy: FaultProxy) => RedisUsageOptions["redis"] & { disconnect(): void }) {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.url);
    const redis = client(proxy);
    const store = redisUsage({ redis, timeoutMs: 5000 });
    onTestFinished(async () => {
      await store.close();
      redis.disconnect();
      await proxy.close();
      await server.stop();
    });
    await store.consume({ tenantId: "warm", changes: [of(1)] });
    return { proxy, store };
  }

  const totals = async (store: RedisUsage): Promise<readonly number[]> => {
    const [found] = await store.read({ tenantId, metrics: [address] });
    return [found?.used ?? -1, found?.held ?? -1];
  };

  const options = { retryStrategy: () => 20 };
  for (const [name, connect] of [
    ["ioredis 6", ({ url }: FaultProxy) => new Redis(url, options).on("error", () => undefined)],
    ["ioredis 5", ({ url }: FaultProxy) => new Redis5(url, options).on("error", () => undefined)],
  ] as const) {
    it(`counts a use once, with ${name} as it is by default`, async () => {
      const { proxy, store } = await open(connect);
      proxy.cutAfter(1);
      // The last units: a second decision would refuse them.
      expect(await store.consume({ tenantId, changes: [of(100)] })).toMatchObject({ admitted: true });
      expect(await totals(store)).toEqual([100, 0]);
    });

    it(`reserves, commits and releases once, with ${name} as it is by default`, async () => {
      const { proxy, store } = await open(connect);
      const call = { tenantId, ttlMs: 60_000, changes: [of(40)] };
      proxy.cutAfter(1);
      expect(await store.reserve({ ...call, id: "a" })).toMatchObject({ admitted: true });
      await store.reserve({ ...call, id: "b" });
      expect(await totals(store)).toEqual([0, 80]);
      proxy.cutAfter(1);
      expect(await store.commit({ ...address, ...of(30), id: "a", over: "cap" })).toMatchObject({ recorded: 30 });
      proxy.cutAfter(1);
      await store.release({ ...address, id: "b" });
      expect(await totals(store)).toEqual([30, 0]);
      proxy.cutAfter(1);
      expect(await store.credit({ ...address, id: "c", units: 10 })).toMatchObject({ units: 10 });
      expect(await totals(store)).toEqual([20, 0]);
    });
  }

  it("counts a use once on a Cluster, which asks another node", async () => {
    const cluster = await startRedisCluster({ masters: 1 });
    const { host, port } = cluster.addresses[0] ?? { host: "", port: 0 };
    const proxy = await startFaultProxy({ host, port });
    const natMap = { [`${host}:${port}`]: { host: proxy.host, port: proxy.port } };
    const redis = new Cluster([{ host: proxy.host, port: proxy.port }], { natMap });
    redis.on("error", () => undefined);
    const store = redisUsage({ redis, timeoutMs: 5000 });
    onTestFinished(async () => {
      await store.close();
      redis.disconnect();
      await proxy.close();
      await cluster.stop();
    });
    await waitUntil(async () => (await store.consume({ tenantId: "warm", changes: [of(1)] })).admitted, {
      what: "Redis",
    });
    proxy.cutAfter(1);
    expect(await store.consume({ tenantId, changes: [of(100)] })).toMatchObject({ admitted: true });
    expect(await totals(store)).toEqual([100, 0]);
  });
});
