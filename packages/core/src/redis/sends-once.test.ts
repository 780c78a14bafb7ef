import { type FaultProxy, startFaultProxy, startRedis, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient, createCluster, createSentinel } from "redis";
import { describe, expect, inject, it } from "vitest";
import type { RedisLike } from "./client.js";
import { assertSendsOnce } from "./sends-once.js";

const available = inject("redisUrl") !== "";
const retryStrategy = () => 20;

const check = (redis: RedisLike) => () => assertSendsOnce(redis, "redisStore");
const offline = { lazyConnect: true };
interface Options {
  readonly maxRetriesPerRequest?: number | null;
  readonly autoResendUnfulfilledCommands?: boolean;
}

const VERSIONS: [string, (options: Options) => RedisLike][] = [
  ["ioredis 6", (options) => new Redis({ ...offline, ...options })],
  ["ioredis 5", (options) => new Redis5({ ...offline, ...options })],
];
const nodes = [{ host: "127.0.0.1", port: 1 }];

describe("assertSendsOnce", () => {
  it.each(VERSIONS)("refuses %s as it is by default, and names the options to set", (_version, create) => {
    expect(check(create({}))).toThrow(
      /^redisStore: redis: expected a client that sends each command once, .* set maxRetriesPerRequest: 0, or auto/,
    );
    expect(check(create({ maxRetriesPerRequest: null }))).toThrow(expect.objectContaining({ code: "SCALE_WIRING" }));
    expect(check(create({ maxRetriesPerRequest: 1 }))).toThrow(/set maxRetriesPerRequest/);
  });

  it.each(VERSIONS)("accepts %s with any of the options that keep it from repeating", (_version, create) => {
    expect(check(create({ maxRetriesPerRequest: 0 }))).not.toThrow();
    expect(check(create({ maxRetriesPerRequest: null, autoResendUnfulfilledCommands: false }))).not.toThrow();
    expect(check(new Redis({ ...offline, retryStrategy: null }))).not.toThrow();
  });

  it("refuses a Cluster that sends to another node what a closed connection rejected", () => {
    expect(check(new Cluster(nodes, offline))).toThrow(/set retryDelayOnFailover: 0 of the Cluster/);
    expect(check(new Cluster(nodes, { ...offline, retryDelayOnFailover: 0 }))).not.toThrow();
    const reconnecting = { ...offline, retryDelayOnFailover: 0, clusterNodeRetryStrategy: retryStrategy };
    expect(check(new Cluster(nodes, reconnecting))).toThrow(/set maxRetriesPerRequest: 0/);
    expect(check(new Cluster(nodes, { ...reconnecting, redisOptions: { maxRetriesPerRequest: 0 } }))).not.toThrow();
  });

  it("accepts node-redis, but for its client for Sentinel", () => {
    expect(check(createClient())).not.toThrow();
    expect(check(createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] }))).not.toThrow();
    const sentinel = createSentinel({ name: "main", sentinelRootNodes: nodes });
    expect(check(sentinel)).toThrow(/use ioredis with sentinels/);
  });

  it("accepts a wrapper that shows no options", () => {
    const never = () => new Promise<unknown>(() => undefined);
    expect(check({ status: "ready", isCluster: false, evalsha: never, eval: never })).not.toThrow();
  });
});

/** Runs a command whose reply is lost together with the connection, and returns how often the server executed it. */
async function executed(proxy: FaultProxy, run: (key: string) => Promise<unknown>): Promise<number> {
  await waitUntil(async () => Number(await run("warm")) > 0, { what: "the connection" });
  proxy.cutAfter(1);
  await Promise.race([run("count").catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 500))]);
  let count = 0;
  await waitUntil(async () => (count = Number(await run("count"))) > 0, { what: "the connection, again" });
  // The last one counted itself.
  return count - 1;
}

const INCREMENT = "return redis.call('INCR', KEYS[1])";

describe.skipIf(!available)("a client whose connection breaks after Redis executed its command", () => {
  it.each([
    ["ioredis by default", 2, {}],
    ["ioredis with maxRetriesPerRequest: 0", 1, { maxRetriesPerRequest: 0 }],
    ["ioredis with autoResendUnfulfilledCommands: false", 1, { autoResendUnfulfilledCommands: false }],
  ])("%s executes it %i times", async (_name, times, options) => {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.url);
    const redis = new Redis(proxy.url, { retryStrategy, ...options }).on("error", () => undefined);
    expect(await executed(proxy, (key) => redis.eval(INCREMENT, 1, key))).toBe(times);
    redis.disconnect();
    await proxy.close();
    await server.stop();
  });

  it("node-redis executes it once", async () => {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.url);
    const redis = createClient({ url: proxy.url, socket: { reconnectStrategy: retryStrategy } });
    redis.on("error", () => undefined);
    await redis.connect();
    expect(await executed(proxy, (key) => redis.eval(INCREMENT, { keys: [key] }))).toBe(1);
    redis.destroy();
    await proxy.close();
    await server.stop();
  });

  it.each([
    ["by default", 2, {}],
    ["with retryDelayOnFailover: 0", 1, { retryDelayOnFailover: 0 }],
  ])("a Cluster %s executes it %i times", async (_name, times, options) => {
    const cluster = await startRedisCluster({ masters: 1 });
    const { host, port } = cluster.addresses[0] ?? { host: "", port: 0 };
    const proxy = await startFaultProxy({ host, port });
    const natMap = { [`${host}:${port}`]: { host: proxy.host, port: proxy.port } };
    const redis = new Cluster([{ host: proxy.host, port: proxy.port }], { natMap, ...options });
    redis.on("error", () => undefined);
    expect(await executed(proxy, (key) => redis.eval(INCREMENT, 1, key))).toBe(times);
    redis.disconnect();
    await proxy.close();
    await cluster.stop();
  });
});
