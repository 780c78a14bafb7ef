import { createManualClock, type ManualClock } from "@scale/core/testing";
import { startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, describe, expect, inject, it } from "vitest";
import { createMetrics, type Metrics, sinkFail } from "../index.js";
import { periodStart } from "../rollups/periods.js";
import { redisRollups } from "./index.js";

const url = inject("redisUrl");
const MONDAY = Date.UTC(2026, 10, 30);
let run = 0;

describe("periodStart", () => {
  it("begins weeks on Monday, days at midnight and hours on the hour, in UTC", () => {
    const at = Date.UTC(2026, 11, 6, 23, 59, 59, 999);
    expect(periodStart("week", at)).toBe(MONDAY);
    expect(periodStart("week", MONDAY)).toBe(MONDAY);
    expect(periodStart("week", MONDAY - 1)).toBe(Date.UTC(2026, 10, 23));
    expect(periodStart("day", at)).toBe(Date.UTC(2026, 11, 6));
    expect(periodStart("hour", at)).toBe(Date.UTC(2026, 11, 6, 23));
  });
});

describe.skipIf(url === "")("redisRollups", () => {
  const clients: Redis[] = [];
  const open: Metrics[] = [];
  const connect = (to = url): Redis => {
    const client = new Redis(to, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((metrics) => metrics.close()));
  });
  afterAll(() => clients.forEach((client) => client.disconnect()));

  function start(redis: Redis, prefix: string, clock: ManualClock, timeoutMs = 5000) {
    const rollups = redisRollups({ redis, prefix, clock, timeoutMs, flushMs: 3_600_000 });
    const metrics = createMetrics({ events: false, process: false, clock, sinks: [rollups] });
    open.push(metrics);
    const send = (tenantId: string, durationMs: number, status = 200): void =>
      metrics.record.request({ tenantId, method: "GET", route: "/", status, durationMs });
    return { rollups, metrics, send };
  }
  const prefix = (): string => `test:metrics:${process.pid}:${run++}`;

  it("adds up the processes by hour, day and week, with percentiles of all of them", async () => {
    const [clock, key] = [createManualClock(MONDAY + 1000), prefix()];
    const [a, b] = [start(connect(), key, clock), start(connect(), key, clock)];
    for (let i = 1; i <= 100; i++) (i % 2 === 0 ? a : b).send("acme", i * 20, i === 100 ? 500 : 200);
    await Promise.all([a.rollups.flush(), b.rollups.flush()]);
    clock.advance(3_600_000);
    a.send("acme", 10);
    a.send("other", 10);
    await a.rollups.flush();
    const hours = await b.rollups.read("acme", { period: "hour" });
    expect(hours).toMatchObject([
      { from: MONDAY, requests: 100, errors: 1, slow: 50 },
      { from: MONDAY + 3_600_000, requests: 1, errors: 0, slow: 0 },
    ]);
    expect(Math.abs(hours[0]!.p95Ms! - 1900) / 1900).toBeLessThan(0.045);
    expect(hours[0]!.meanMs).toBeCloseTo(1010, 0);
    for (const period of ["day", "week"] as const) {
      expect(await b.rollups.read("acme", { period })).toMatchObject([{ from: MONDAY, requests: 101 }]);
    }
    expect(await b.rollups.read("other", { period: "day" })).toMatchObject([{ requests: 1 }]);
    expect(await b.rollups.read(undefined, { period: "day" }), "all tenants without series, which are none").toEqual(
      [],
    );
  });

  it("lets every key expire, and escapes tenants", async () => {
    const [clock, key] = [createManualClock(MONDAY), prefix()];
    const redis = connect();
    const { rollups, send } = start(redis, key, clock);
    for (const tenant of ["a:b", "{a}", "*", "__proto__"]) send(tenant, 5);
    await rollups.flush();
    const keys = await redis.keys(`${key}*`);
    expect(keys).toHaveLength(16);
    expect((await Promise.all(keys.map((name) => redis.pttl(name)))).filter((ttl) => ttl <= 0)).toEqual([]);
    expect(await rollups.read("{a}", { period: "hour" })).toMatchObject([{ requests: 1 }]);
  });

  it("counts nothing twice and loses nothing when Redis is stopped, frozen and killed", async () => {
    const server = await startRedis({ aof: true });
    try {
      const [clock, key] = [createManualClock(MONDAY), prefix()];
      const redis = connect(server.url);
      const { rollups, send } = start(redis, key, clock, 200);
      const failures: unknown[] = [];
      const end = sinkFail.subscribe(({ error }) => void failures.push(error));
      send("acme", 5);
      await rollups.flush();
      server.pause();
      send("acme", 5);
      await expect(rollups.flush()).rejects.toThrow(/did not answer/);
      server.resume();
      // The frozen server executes the call that timed out; its repetition changes nothing.
      await expect.poll(() => rollups.flush().then(() => "sent"), { timeout: 5000 }).toBe("sent");
      send("acme", 5);
      await server.kill();
      await expect(rollups.flush()).rejects.toThrow();
      send("acme", 5);
      await server.restart();
      await expect.poll(() => rollups.flush().then(() => "sent"), { timeout: 5000 }).toBe("sent");
      await rollups.flush();
      end();
      expect(await rollups.read("acme", { period: "hour" })).toMatchObject([{ requests: 4 }]);
    } finally {
      await server.stop();
    }
  });

  it("writes what is left when the metrics are closed", async () => {
    const [clock, key] = [createManualClock(MONDAY), prefix()];
    const { metrics, send, rollups } = start(connect(), key, clock);
    send("acme", 5);
    await metrics.close();
    expect(await rollups.read("acme", { period: "hour" })).toMatchObject([{ requests: 1 }]);
  });
});
