import { setTimeout as sleep } from "node:timers/promises";
import { findRedis, type RedisServer, startFaultProxy, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closing, join, type Joined } from "../../test/sink.js";
import { createHub } from "../hub.js";
import { redisHub, type RedisHubOptions } from "./hub.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 20_000);

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function start(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  const server = await startRedis(options);
  opened.push(() => server.stop());
  return server;
}

function connectTo(server: RedisServer): Redis {
  const client = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  client.on("error", () => undefined);
  opened.push(() => client.disconnect());
  return client;
}

function hubOn(server: RedisServer, options: Partial<RedisHubOptions> = {}) {
  const [redis, subscriber] = [connectTo(server), connectTo(server)];
  const topics = { a: { authorize: () => true }, b: { authorize: () => true } };
  return closing(createHub({ store: redisHub({ redis, subscriber, timeoutMs: 300, ...options }), topics }));
}

const joinBoth = (hub: Parameters<typeof join>[0], lastEventId?: string): Promise<Joined> =>
  join(hub, { topics: ["a", "b"], ...(lastEventId !== undefined && { lastEventId }) });

describe.skipIf(!findRedis())("a hub over Redis", () => {
  it("loses and repeats nothing while its subscriber is cut again and again", async () => {
    const server = await start();
    const hub = hubOn(server);
    const clients = await Promise.all(Array.from({ length: 20 }, () => joinBoth(hub)));
    const admin = connectTo(server);
    const expected: number[] = [];
    for (let n = 0; n < 300; n++) {
      if (n % 30 === 10) void admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await hub.publish(n % 3 === 0 ? "a" : "b", n, acme);
      expected.push(n);
    }
    await until(() => expect(clients.every(({ sink }) => sink.values().at(-1) === 299)).toBe(true));
    for (const { sink } of clients) expect(sink.values()).toEqual(expected);
    for (const { sink } of clients) expect(sink.names()).not.toContain("reset");
    expect(hub.stats()).toMatchObject({ connections: 20, isLive: true });
  });

  it("loses and repeats nothing through a killed node-redis subscriber either", async () => {
    const server = await start();
    const redis = await createClient({ url: server.url })
      .on("error", () => undefined)
      .connect();
    const subscriber = await redis
      .duplicate()
      .on("error", () => undefined)
      .connect();
    opened.push(
      () => redis.destroy(),
      () => subscriber.destroy(),
    );
    const topics = { a: { authorize: () => true }, b: { authorize: () => true } };
    const hub = closing(createHub({ store: redisHub({ redis, subscriber, timeoutMs: 2000 }), topics }));
    const { sink } = await joinBoth(hub);
    const admin = connectTo(server);
    for (let n = 0; n < 120; n++) {
      if (n % 30 === 10) void admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await hub.publish(n % 2 === 0 ? "a" : "b", n, acme);
    }
    await until(() => expect(sink.values()).toHaveLength(120));
    expect(sink.values()).toEqual(Array.from({ length: 120 }, (_, n) => n));
  });

  it("tells every client to fetch its state again, once, after Redis came back without its data", async () => {
    const server = await start();
    const hub = hubOn(server);
    const [first, left] = [await joinBoth(hub), await joinBoth(hub)];
    await hub.publish("a", 1, acme);
    await until(() => expect(left.sink.values()).toEqual([1]));
    left.leave();
    await server.kill();
    await expect(hub.publish("a", 2, acme)).rejects.toMatchObject({ code: "SCALE_STORE" });
    await expect(joinBoth(hub)).rejects.toMatchObject({ code: "SCALE_STORE" });
    expect(first.sink.ended).toBeUndefined();
    await server.restart();
    await vi.waitFor(() => hub.publish("a", 3, acme), 10_000);
    const returned = await joinBoth(hub, left.sink.lastEventId);
    await until(() => expect(first.sink.names()).toContain("reset"));
    await hub.publish("b", 4, acme);
    await until(() => expect([first.sink.values().at(-1), returned.sink.values().at(-1)]).toEqual([4, 4]));
    for (const { sink } of [first, returned]) expect(sink.names().filter((name) => name === "reset")).toHaveLength(1);
    expect(returned.sink.names()[0]).toBe("reset");
  });

  it("continues after a restart with appendfsync always, when it is told to", async () => {
    const server = await start({ aof: true });
    const hub = hubOn(server, { afterRestart: "resume" });
    const [first, left] = [await joinBoth(hub), await joinBoth(hub)];
    left.leave();
    await hub.publish("a", 1, acme);
    await server.kill();
    await server.restart();
    await vi.waitFor(() => hub.publish("a", 2, acme), 10_000);
    const returned = await vi.waitFor(() => joinBoth(hub, left.sink.lastEventId), 10_000);
    await until(() => expect(first.sink.values()).toEqual([1, 2]));
    await until(() => expect(returned.sink.values()).toEqual([1, 2]));
    expect([...first.sink.names(), ...returned.sink.names()]).not.toContain("reset");
  });

  it("rejects within the deadline while Redis is frozen, and gives every client the same afterwards", async () => {
    const server = await start();
    const hub = hubOn(server);
    const clients = await Promise.all(Array.from({ length: 5 }, () => joinBoth(hub)));
    await hub.publish("a", 1, acme);
    server.pause();
    const startedAt = performance.now();
    await expect(hub.publish("a", 2, acme)).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    await expect(hub.publish("a", 3, acme)).rejects.toMatchObject({ code: "SCALE_STORE", notSent: true });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(clients.every(({ sink }) => sink.ended === undefined)).toBe(true);
    server.resume();
    await vi.waitFor(() => hub.publish("b", 4, acme), 10_000);
    await until(() => expect(clients.every(({ sink }) => sink.values().at(-1) === 4)).toBe(true));
    // The event of the call that timed out was carried out: that is what its error says may happen.
    for (const { sink } of clients) expect(sink.values()).toEqual([1, 2, 4]);
  });

  it("replaces a subscriber's connection that was dropped without an end, and admits clients again", async () => {
    const server = await start();
    const proxy = await startFaultProxy(server.url);
    opened.push(() => proxy.close());
    const redis = connectTo(server);
    const subscriber = new Redis(proxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    subscriber.on("error", () => undefined);
    opened.push(() => subscriber.disconnect());
    const topics = { "t.{id}": { authorize: () => true } };
    const hub = closing(createHub({ store: redisHub({ redis, subscriber, timeoutMs: 100 }), topics }));
    await vi.waitFor(() => join(hub, { topics: ["t.1"] }), 5000);
    // Open connections are lost without an end; later ones work.
    proxy.blackHole();
    await expect(join(hub, { topics: ["t.2"] })).rejects.toMatchObject({ code: "SCALE_STORE" });
    await proxy.up();
    const { sink } = await vi.waitFor(() => join(hub, { topics: ["t.3"] }), 10_000);
    await vi.waitFor(() => hub.publish("t.3", 1, acme), 5000);
    await until(() => expect(sink.values()).toEqual([1]));
  });

  it("publishes without a subscriber, and says what a client needs", async () => {
    const server = await start();
    const worker = closing(
      createHub({
        store: redisHub({ redis: connectTo(server), timeoutMs: 2000 }),
        topics: { a: { authorize: () => true } },
      }),
    );
    const { sink } = await joinBoth(hubOn(server));
    await worker.publish("a", 1, acme);
    await until(() => expect(sink.values()).toEqual([1]));
    await expect(join(worker, { topics: ["a"] })).rejects.toThrow(/pass subscriber to redisHub/);
  });

  it("uses two connections for any number of clients, and takes its listeners off when it is closed", async () => {
    const server = await start();
    const [redis, subscriber] = [connectTo(server), connectTo(server)];
    const topics = { "t.{id}": { authorize: () => true } };
    const hub = createHub({
      store: redisHub({ redis, subscriber, timeoutMs: 5000 }),
      limits: { perTenant: 2000, perUser: 2000 },
      topics,
    });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => join(hub, { topics: [`t.${i}`] })));
    expect(
      String(await redis.client("LIST"))
        .trim()
        .split("\n"),
    ).toHaveLength(2);
    const channels = async (): Promise<number> => ((await redis.pubsub("CHANNELS")) as string[]).length;
    expect(await channels()).toBe(1000);
    hub.close();
    await vi.waitFor(async () => expect(await channels()).toBe(0), 5000);
    expect(subscriber.listenerCount("close")).toBe(0);
    await sleep(20); // A restoration that was not ended would subscribe again.
    expect(await channels()).toBe(0);
  });
});
