import { isScaleError } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import {
  type FaultProxy,
  type RedisServer,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  waitUntil,
} from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { memoryLedger } from "../../../test/memory-ledger.js";
import type { Period } from "../../types.js";
import { slotOf } from "./slot.js";
import { type RedisUsage, redisUsage } from "./store.js";

const available = inject("redisUrl") !== "";
const TIMEOUT_MS = 100;
/** Timers may fire late on a shared machine. */
const SLACK_MS = 150;
const period: Period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const change = { metric: "tokens", period, limit: 1_000_000, max: 1_000_000, units: 1 };

describe.skipIf(!available)("redisUsage on a server that fails", () => {
  const unhandled: unknown[] = [];
  const hear = (error: unknown): void => void unhandled.push(error);
  let server: RedisServer;
  let proxy: FaultProxy;
  let redis: Redis;
  beforeAll(async () => {
    process.on("unhandledRejection", hear);
    server = await startRedis();
    proxy = await startFaultProxy(server.url);
    redis = new Redis(proxy.url, { retryStrategy: () => 20 });
    redis.on("error", () => undefined);
    await redis.ping();
  });
  afterAll(async () => {
    redis.disconnect();
    await proxy.close();
    await server.stop();
    process.off("unhandledRejection", hear);
  });

  const use = (store: RedisUsage) => store.consume({ tenantId: "acme", changes: [change] });
  const calls = (store: RedisUsage): (() => Promise<unknown>)[] => [
    () => use(store),
    () => store.reserve({ tenantId: "acme", id: "a", ttlMs: 1000, changes: [change] }),
    () => store.commit({ tenantId: "acme", ...change, id: "a", over: "cap" }),
    () => store.release({ tenantId: "acme", ...change, id: "a" }),
    () => store.read({ tenantId: "acme", metrics: [change] }),
    () => store.reconcile({ tenantId: "acme", ...change }),
  ];

  /** Every call rejects in time, with an error that names the store. */
  async function expectFailure(store: RedisUsage): Promise<void> {
    for (const call of calls(store)) {
      const startedAt = performance.now();
      const error = await call().catch((cause: unknown) => cause);
      expect(isScaleError(error, "SCALE_STORE") || isScaleError(error, "SCALE_TIMEOUT")).toBe(true);
      expect(performance.now() - startedAt).toBeLessThan(2 * TIMEOUT_MS + SLACK_MS);
    }
  }

  async function expectRecovery(store: RedisUsage): Promise<void> {
    const startedAt = performance.now();
    await waitUntil(async () => (await use(store)).admitted, { what: "usage is counted again" });
    expect(performance.now() - startedAt).toBeLessThan(1000 + SLACK_MS);
  }

  const faults: { name: string; begin(): unknown; end(): unknown }[] = [
    { name: "is frozen (SIGSTOP)", begin: () => server.pause(), end: () => server.resume() },
    { name: "is killed", begin: () => server.kill(), end: () => server.restart() },
    { name: "swallows what it is sent", begin: () => proxy.blackHole(), end: () => (proxy.reset(), proxy.up()) },
    { name: "refuses connections", begin: () => proxy.down(), end: () => proxy.up() },
  ];
  for (const { name, begin, end } of faults) {
    it(`rejects in time when it ${name}, counts again after, and loses no unit of the ledger`, async () => {
      const ledger = memoryLedger();
      const store = redisUsage({ redis, ledger, timeoutMs: TIMEOUT_MS, flushEveryMs: 20, prefix: `fault:${name}` });
      for (let i = 0; i < 10; i++) await waitUntil(async () => (await use(store)).admitted, { what: "a use" });
      await store.flush();
      await begin();
      await expectFailure(store);
      await end();
      await expectRecovery(store);
      await store.close();
      const [status] = await store.read({ tenantId: "acme", metrics: [change] });
      // The commit that got no answer is recorded, once, and the consume is not.
      expect(status).toMatchObject({ used: 12, held: 0 });
      expect(ledger.total()).toBe(12);
    });
  }

  it("leaves no rejection unhandled", async () => {
    // Node reports them in the turn after the promise rejects.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  it("loads its scripts again after SCRIPT FLUSH, and counts once", async () => {
    const store = redisUsage({ redis, timeoutMs: 2000, prefix: "fault:noscript" });
    await use(store);
    await redis.script("FLUSH");
    expect((await use(store)).changes[0]?.used).toBe(2);
  });

  it("counts from 0 after FLUSHALL when there is no ledger", async () => {
    const store = redisUsage({ redis, timeoutMs: 2000, prefix: "fault:flushall" });
    await use(store);
    await redis.flushall();
    expect((await use(store)).changes[0]?.used).toBe(1);
  });

  it("counts held units when the hash or the holds alone were evicted", async () => {
    const store = redisUsage({ redis, timeoutMs: 2000, prefix: "fault:evict" });
    const reserve = async (id: string) =>
      (await store.reserve({ tenantId: "acme", id, ttlMs: 60_000, changes: [{ ...change, units: 10 }] })).changes[0];
    const start = "fault:evict:{acme}:tokens:month-1";
    await reserve("a");
    await redis.del(`${start}:state`);
    expect(await store.read({ tenantId: "acme", metrics: [change] })).toMatchObject([{ held: 10 }]);
    expect(await reserve("b")).toMatchObject({ held: 20 });
    await redis.del(`${start}:holds`);
    expect(await store.read({ tenantId: "acme", metrics: [change] })).toMatchObject([{ held: 0 }]);
    expect(await reserve("c")).toMatchObject({ held: 10 });
  });

  it("names the wrong option", () => {
    const wrongOptions = { redis, flushEveryMs: 0 };
    expect(() => redisUsage(wrongOptions)).toThrow(/flushEveryMs/);
  });
});

describe.skipIf(!available)("redisUsage on a Cluster", () => {
  it("counts and flushes tenants of all slots", async () => {
    const cluster = await startRedisCluster();
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    const ledger = memoryLedger();
    const store = redisUsage({ redis: client, ledger, timeoutMs: 5000, flushEveryMs: 3_600_000 });
    try {
      for (const tenantId of ["tenant-1", "a{b}c", "größe", "{}"]) {
        expect(await client.cluster("KEYSLOT", `scale:quota:{${keySegment(tenantId)}}:x`)).toBe(slotOf(tenantId));
      }
      const tenants = Array.from({ length: 40 }, (_, i) => `tenant-${i}`);
      const both = [change, { ...change, metric: "emails" }];
      const outcomes = await Promise.all(tenants.map((tenantId) => store.consume({ tenantId, changes: both })));
      expect(outcomes.every(({ admitted }) => admitted)).toBe(true);
      expect(await store.read({ tenantId: "tenant-7", metrics: both })).toMatchObject([{ used: 1 }, { used: 1 }]);
      // Another process finds the units that this one has not flushed, in whatever slot its keys lie.
      const other = redisUsage({ redis: client, ledger, timeoutMs: 5000, flushEveryMs: 10 });
      await waitUntil(() => ledger.total() === 80, { what: "another process flushes all tenants" });
      await other.close();
      await store.consume({ tenantId: "tenant-7", changes: both });
      await store.flush();
      expect(ledger.total()).toBe(82);
    } finally {
      await store.close();
      client.disconnect();
      await cluster.stop();
    }
  });
});
