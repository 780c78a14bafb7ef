import { setImmediate as turn } from "node:timers/promises";
import { contextLeaks, type RedisServer, startRedis, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { createClient, createCluster } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { ConfigError } from "../errors.js";
import { tenancy } from "../tenancy.js";
import { createManualClock } from "../testing.js";
import type { RedisLike } from "./client.js";
import { pingRedis } from "./ping.js";
import { createScriptRunner } from "./runner.js";
import type { Script } from "./script.js";
import { redisStall } from "./stall-detector.js";

const INCREMENT: Script = {
  name: "increment",
  sha1: "1d89e9d6a3d8ee5a9c1cf0e0b1f3ba0f6ac35ccd",
  source: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
};

const available = inject("redisUrl") !== "";

describe.skipIf(!available)("createScriptRunner", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describe.each([
    [
      "ioredis 6",
      (url: string) => new Redis(url, fast).on("error", () => undefined),
      (client: RedisLike) => (client as Redis).disconnect(),
    ],
    [
      "ioredis 5",
      (url: string) => new Redis5(url, fast).on("error", () => undefined),
      (client: RedisLike) => (client as Redis5).disconnect(),
    ],
    [
      "node-redis",
      (url: string) => {
        const client = createClient({ url, socket: { reconnectStrategy: () => 20 } });
        client.on("error", () => undefined);
        client.connect().catch(() => undefined);
        return client;
      },
      (client: RedisLike) => (client as ReturnType<typeof createClient>).destroy(),
    ],
  ])("with %s", (_name, connect, close) => {
    let redis: RedisLike;
    beforeEach(async () => {
      redis = connect(server.url);
      await pingRedis({ redis, timeoutMs: 5000 });
    });
    afterEach(() => close(redis));

    it("sends the source only to a server that does not know the hash, and runs it once", async () => {
      const script = await known(server);
      const runner = createScriptRunner({ redis, timeoutMs: 2000 });
      expect(await runner.run(script, { keys: ["n"], args: ["5"] })).toBe(5);
      expect(await runner.run(script, { keys: ["n"], args: ["1"] })).toBe(6);
    });

    it("rejects within the deadline while the server is frozen, then at once, and recovers without help", async () => {
      const runner = createScriptRunner({ redis, timeoutMs: 50 });
      const script = await known(server);
      const events: boolean[] = [];
      const leave = redisStall.subscribe(({ stalled }) => events.push(stalled));
      await runner.run(script, { keys: ["m"], args: ["1"] });
      server.pause();
      await expect(runner.run(script, { keys: ["m"], args: ["1"] })).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
      const started = performance.now();
      for (let i = 0; i < 100; i++) {
        await expect(runner.run(script, { keys: ["m"], args: ["1"] })).rejects.toMatchObject({ code: "SCALE_STORE" });
      }
      // A hundred calls that each waited for the deadline would take five seconds.
      expect(performance.now() - started).toBeLessThan(1000);
      server.resume();
      await waitUntil(async () => (await runner.run(script, { keys: ["m"], args: ["1"] }).catch(() => 0)) !== 0, {
        what: "an answer after the outage",
      });
      leave();
      expect(events).toEqual([true, false]);
    });

    it("rejects at once while the connection is lost, and works again after a restart", async () => {
      const runner = createScriptRunner({ redis, timeoutMs: 100 });
      const script = await known(server);
      await runner.run(script, { keys: ["m"], args: ["1"] });
      await server.kill();
      await waitUntil(
        () =>
          runner.run(script, { keys: ["m"], args: ["1"] }).then(
            () => false,
            (error: Error) => error.message === "Redis is not connected",
          ),
        { what: "the client to notice the lost connection" },
      );
      await server.restart();
      await waitUntil(async () => (await runner.run(script, { keys: ["m"], args: ["1"] }).catch(() => 0)) !== 0, {
        what: "an answer after the outage",
      });
    });

    it("rejects with a StoreError whose cause is the error of the server", async () => {
      const runner = createScriptRunner({ redis, timeoutMs: 2000 });
      const broken = { ...INCREMENT, name: "broken", sha1: "0".repeat(40), source: "return redis.call('NOPE')" };
      await expect(runner.run(broken, { keys: ["n"], args: [] })).rejects.toMatchObject({
        code: "SCALE_STORE",
        message: "Redis script broken failed",
        cause: { message: expect.stringMatching(/Unknown Redis command/i) },
      });
    });
  });

  it("waits up to the deadline for a first connection that does not come", async () => {
    const redis = new Redis(1, "127.0.0.1", { ...fast, enableOfflineQueue: true });
    redis.on("error", () => undefined);
    const runner = createScriptRunner({ redis, timeoutMs: 30 });
    await expect(runner.run(INCREMENT, { keys: ["n"], args: ["1"] })).rejects.toThrow();
    await expect(pingRedis({ redis, timeoutMs: 30 })).rejects.toThrow();
    redis.disconnect();
  });

  it("throws for anything but a Redis client", () => {
    for (const wrong of [undefined, null, {}, "redis://localhost", { get: () => 1 }]) {
      expect(() => createScriptRunner({ redis: wrong as RedisLike })).toThrow(ConfigError);
    }
    expect(() => createScriptRunner({ redis: fakeClient(), timeoutMs: 0 })).toThrow(/timeoutMs.*got 0/);
  });
});

describe("createScriptRunner with a server that stops answering", () => {
  it("sends a stalled server one probe at a time, whatever the load", async () => {
    const clock = createManualClock();
    const client = fakeClient();
    const runner = createScriptRunner({ redis: client, timeoutMs: 5, clock });
    await expect(runner.run(INCREMENT, { keys: ["k"], args: [] })).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    for (let round = 0; round < 10; round++) {
      clock.advance(1000);
      for (let i = 0; i < 50; i++) await expect(runner.run(INCREMENT, { keys: ["k"], args: [] })).rejects.toThrow();
    }
    expect(client.sent).toBeLessThanOrEqual(11);
  });
});

describe("createScriptRunner with an answer after the deadline", () => {
  it("sends to the server again without a probe", async () => {
    const client = fakeClient();
    let answer = (_value: unknown): void => undefined;
    client.evalsha = () => {
      client.sent++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const runner = createScriptRunner({ redis: client, timeoutMs: 5 });
    const told: unknown[] = [];
    const late = (value: unknown): void => void told.push(value);
    const given = runner.run(INCREMENT, { keys: ["k"], args: [], late });
    await expect(given).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    answer(1);
    await Promise.resolve().then(() => Promise.resolve());
    const next = runner.run(INCREMENT, { keys: ["k"], args: [], late });
    answer(2);
    expect(await next).toBe(2);
    expect(client.sent).toBe(2);
    // `late` is not called for an answer that came in time.
    expect(told).toEqual([1]);
  });
});

describe("createScriptRunner after the deadline of a call", () => {
  it("does not send the source to a server that turns out not to know the script", async () => {
    const client = fakeClient();
    let refuse = (_error: Error): void => undefined;
    let sources = 0;
    client.evalsha = () =>
      new Promise((_, reject) => {
        refuse = reject;
      });
    client.eval = () => {
      sources++;
      return Promise.resolve(1);
    };
    const runner = createScriptRunner({ redis: client, timeoutMs: 5 });
    const given = runner.run(INCREMENT, { keys: ["k"], args: [] });
    await expect(given).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    refuse(new Error("NOSCRIPT No matching script"));
    await turn();
    expect(sources).toBe(0);
    const next = runner.run(INCREMENT, { keys: ["k"], args: [] });
    refuse(new Error("NOSCRIPT No matching script"));
    expect([await next, sources]).toEqual([1, 1]);
  });
});

describe("createScriptRunner for several tenants", () => {
  it("publishes the state of the server for none of them", async () => {
    const client = fakeClient();
    let answer = (_value: unknown): void => undefined;
    client.evalsha = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const runner = createScriptRunner({ redis: client, timeoutMs: 5 });
    const run = (): Promise<unknown> => runner.run(INCREMENT, { keys: ["k"], args: [] }).catch(() => undefined);
    const leaks = contextLeaks({
      tenancy,
      events: [redisStall.name],
      first: run,
      async second() {
        await run();
        answer(1);
        await turn();
      },
    });
    expect(await leaks).toEqual([]);
  });
});

describe.skipIf(!available)("createScriptRunner on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  beforeAll(async () => {
    cluster = await startRedisCluster({ masters: 3, replicas: 0 });
  });
  afterAll(() => cluster.stop());

  it("serves the other nodes' keys while one node is frozen", async () => {
    const redis = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
    redis.on("error", () => undefined);
    const runner = createScriptRunner({ redis, timeoutMs: 100 });
    const script: Script = { ...INCREMENT, sha1: "1".repeat(40) };
    const run = (tenant: string): Promise<unknown> => runner.run(script, { keys: [`{${tenant}}:n`], args: ["1"] });
    const tenants = Array.from({ length: 12 }, (_, i) => `tenant-${i}`);
    const allServed = (): Promise<boolean> =>
      Promise.all(tenants.map(run)).then(
        () => true,
        () => false,
      );
    await waitUntil(allServed, { what: "every node to answer" });
    cluster.nodes[0]?.pause();
    const once = await Promise.allSettled(tenants.map(run));
    const again = await Promise.allSettled(tenants.map(run));
    cluster.nodes[0]?.resume();
    const served = (list: PromiseSettledResult<unknown>[]): boolean[] =>
      list.map(({ status }) => status === "fulfilled");
    expect(served(again)).toEqual(served(once));
    expect(new Set(served(once))).toEqual(new Set([true, false]));
    await waitUntil(allServed, { what: "every node to answer" });
    redis.disconnect();
  });

  it("works with a node-redis cluster", async () => {
    const redis = createCluster({ rootNodes: cluster.nodes.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })) });
    await redis.connect();
    const runner = createScriptRunner({ redis, timeoutMs: 2000 });
    expect(runner.isCluster).toBe(true);
    const answers = await Promise.all(
      ["a", "b", "c"].map((t) => runner.run(INCREMENT, { keys: [`{${t}}:x`], args: ["2"] })),
    );
    expect(answers).toEqual([2, 2, 2]);
    redis.destroy();
  });
});

const fast = { retryStrategy: () => 20, maxRetriesPerRequest: 1 };

let revision = 0;
/** A script that no server has cached, with its true hash as the server computes it. */
async function known(server: RedisServer): Promise<Script> {
  const source = `${INCREMENT.source} -- ${revision++}`;
  const client = new Redis(server.url);
  const sha1 = String(await client.script("LOAD", source));
  await client.script("FLUSH");
  client.disconnect();
  return { name: "increment", sha1, source };
}

/** A client whose server never answers. */
function fakeClient() {
  const client = {
    status: "ready",
    isCluster: false,
    sent: 0,
    evalsha: (): Promise<unknown> => {
      client.sent++;
      return new Promise<unknown>(() => undefined);
    },
    eval: () => new Promise<unknown>(() => undefined),
  };
  return client;
}
