import { createBreaker } from "@scale/breaker";
import { startPostgres, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { createClient } from "redis";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { createHealth, type Health } from "../health.js";
import type { CheckReport, HealthCheck } from "../types.js";
import { breakerCheck } from "./breaker.js";
import { cacheCheck } from "./cache.js";
import { diskCheck } from "./disk.js";
import { poolCheck } from "./pool.js";
import { queueCheck } from "./queue.js";
import { redisCheck } from "./redis.js";
import { routerCheck } from "./router.js";
import { storageCheck } from "./storage.js";

const FAST = { everyMs: 20, timeoutMs: 200, failAfter: 1, passAfter: 1 };

function watching(check: HealthCheck): { health: Health; report: () => Promise<CheckReport | undefined> } {
  const health = createHealth({ ready: [check] });
  onTestFinished(() => health.close());
  return { health, report: async () => (await health.ready()).checks[0] };
}

const once = async (check: HealthCheck): Promise<CheckReport | undefined> => watching(check).report();

describe.skipIf(inject("redisUrl") === "")("redisCheck", () => {
  it("fails while Redis is frozen or gone, warns of it, and recovers by itself", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const redis = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: 0 });
    redis.on("error", () => undefined);
    onTestFinished(() => redis.disconnect());
    const { health, report } = watching(redisCheck(redis, FAST));
    const is = (status: string) => waitUntil(async () => (await report())?.status === status, { what: status });
    await is("pass");
    server.pause();
    await is("fail");
    expect((await health.ready()).status).toBe("warn");
    expect(health.live().status).toBe("pass");
    server.resume();
    await is("pass");
  });

  it("pings with node-redis", async () => {
    const redis = createClient({ url: inject("redisUrl") });
    await redis.connect();
    onTestFinished(() => redis.destroy());
    expect(await once(redisCheck(redis))).toMatchObject({ name: "redis", group: "cache", status: "pass" });
    expect(await once(redisCheck({ ping: async () => "OK" }))).toMatchObject({ output: 'expected PONG, got "OK"' });
  });
});

describe.skipIf(inject("postgresUrl") === "")("poolCheck", () => {
  it("asks the database, and warns of a pool that is used up without asking it", async () => {
    const pool = new Pool({ connectionString: inject("postgresUrl"), max: 2 });
    onTestFinished(() => pool.end());
    expect(await once(poolCheck(pool))).toMatchObject({ status: "pass", observedValue: 0, observedUnit: "percent" });
    const held = [await pool.connect(), await pool.connect()];
    const waiting = pool.query("select 1");
    expect(await once(poolCheck(pool))).toMatchObject({ status: "warn", output: "1 callers wait for a connection" });
    held[0]?.release();
    await waiting;
    expect(await once(poolCheck(pool, { warnAtUsage: 0.5 }))).toMatchObject({ status: "warn", observedValue: 50 });
    held[1]?.release();
  });

  it("fails for a database that is gone, without its password in the answer", async () => {
    const server = await startPostgres();
    const { password } = new URL(server.url);
    expect(password).not.toBe("");
    const pool = new Pool({ connectionString: server.url, connectionTimeoutMillis: 500 });
    pool.on("error", () => undefined);
    onTestFinished(() => pool.end());
    expect((await once(poolCheck(pool)))?.status).toBe("pass");
    await server.stop();
    const report = await once(poolCheck(pool));
    expect(report?.status).toBe("fail");
    expect(JSON.stringify(report)).not.toContain(password);
  });
});

describe("routerCheck", () => {
  const replica = { name: "r1", serves: "reads", reason: undefined, lagMs: 10 };
  const primary = { name: "p", serves: "writes", reason: undefined, lagMs: undefined };
  const of = (health: object) =>
    once(routerCheck({ health: () => ({ isReadable: true, isWritable: true, nodes: [primary, replica], ...health }) }));

  it("reads what the router knows", async () => {
    expect(await of({})).toMatchObject({ status: "pass", observedValue: 2, observedUnit: "of 2 servers" });
    expect(await of({ isWritable: false })).toMatchObject({ status: "warn", output: "no primary accepts writes" });
    expect(await of({ isReadable: false })).toMatchObject({ status: "fail" });
    const ejected = { ...replica, serves: "nothing", reason: "unreachable" };
    expect(await of({ nodes: [primary, ejected] })).toMatchObject({ output: "r1 serves nothing (unreachable)" });
    expect(await of({ nodes: [primary, { ...replica, lagMs: 6_000 }] })).toMatchObject({
      output: "r1 lags by 6000 ms",
    });
  });
});

describe("cacheCheck", () => {
  it("warns while memory is not served, and while invalidations wait", async () => {
    const of = (health: { isMemoryServed: boolean; queuedInvalidations: number }) =>
      once(cacheCheck({ health: () => health }));
    expect(await of({ isMemoryServed: true, queuedInvalidations: 0 })).toMatchObject({ status: "pass" });
    expect(await of({ isMemoryServed: false, queuedInvalidations: 3 })).toMatchObject({
      status: "warn",
      output: expect.stringMatching(/not served.*; 3 invalidations wait/),
    });
  });
});

describe("queueCheck", () => {
  it("warns of many jobs, and fails for what is no number", async () => {
    expect(await once(queueCheck(() => 3))).toMatchObject({ status: "pass", observedValue: 3, group: "queues" });
    expect(await once(queueCheck(async () => 1_000))).toMatchObject({ status: "warn", output: "1000 jobs wait" });
    expect(await once(queueCheck(() => Number.NaN))).toMatchObject({ status: "fail" });
    expect(await once(queueCheck(() => Promise.reject(new Error("gone"))))).toMatchObject({ status: "fail" });
  });
});

describe("diskCheck", () => {
  it("looks at the folder and at its disk", async () => {
    expect(await once(diskCheck(import.meta.dirname, { warnAtUsage: 1 }))).toMatchObject({ status: "pass" });
    expect(await once(diskCheck(import.meta.dirname, { warnAtUsage: 0, failAtUsage: 1 }))).toMatchObject({
      status: "warn",
    });
    expect(await once(diskCheck(import.meta.dirname, { warnAtUsage: 0, failAtUsage: 0 }))).toMatchObject({
      status: "fail",
    });
    expect(await once(diskCheck("/nowhere"))).toMatchObject({
      status: "fail",
      output: expect.stringContaining("ENOENT"),
    });
  });
});

describe("storageCheck", () => {
  it("passes whatever the call returns, and hands its signal on", async () => {
    expect(await once(storageCheck(async () => false))).toMatchObject({ status: "pass", group: "storage" });
    const hanging = (signal: AbortSignal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    expect(await once(storageCheck(hanging, { timeoutMs: 5 }))).toMatchObject({
      status: "fail",
      output: "did not answer within 5 ms",
    });
  });
});

describe("breakerCheck", () => {
  it("follows a breaker of @scale/breaker", async () => {
    const breaker = createBreaker({ name: "rates" });
    onTestFinished(() => breaker.dispose());
    const is = async (status: string, observedValue: string) =>
      expect(await once(breakerCheck(breaker, { critical: true }))).toMatchObject({
        status,
        observedValue,
        critical: true,
      });
    await is("pass", "closed");
    breaker.setMode("forced-open");
    await is("fail", "forced-open");
    breaker.setMode("disabled");
    await is("pass", "disabled");
  });
});

describe("checks", () => {
  it.each<[RegExp, () => unknown]>([
    [
      /redisCheck: redis: expected an object with ping, got "redis:\/\/\*\*\*@h"/,
      () => redisCheck("redis://:pw@h" as never),
    ],
    [/poolCheck: pool: expected an object with query/, () => poolCheck({} as never)],
    [/poolCheck: warnAtUsage: .*got 80/, () => poolCheck({ query: async () => 1 }, { warnAtUsage: 80 })],
    [/routerCheck: router/, () => routerCheck(undefined as never)],
    [/cacheCheck: cache/, () => cacheCheck(null as never)],
    [/queueCheck: depth: expected a function/, () => queueCheck({} as never)],
    [/diskCheck: folder/, () => diskCheck("")],
    [/storageCheck: call: expected a function/, () => storageCheck({} as never)],
  ])("name a wrong argument: %s", (message, create) => {
    expect(create).toThrow(message);
  });
});
