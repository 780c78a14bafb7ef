import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeHubStore } from "../testing/index.js";
import { createOpener } from "../testing/open.js";
import { redisHub } from "./hub.js";

const url = inject("redisUrl");
// Redis expires keys by its own clock.
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(url === "")("redisHub", () => {
  let redis: Redis;
  let subscriber: Redis;
  let run = 0;
  const prefix = (): string => `test:realtime:${process.pid}:${run++}`;
  beforeAll(() => {
    redis = new Redis(url);
    subscriber = redis.duplicate();
  });
  afterAll(() => Promise.all([redis.quit(), subscriber.quit()]));
  const open = createOpener();

  describeHubStore("redis", async () => {
    return { store: redisHub({ redis, subscriber, prefix: prefix(), timeoutMs: 5000 }), pass };
  });

  it("leaves no key without an expiry", async () => {
    const name = prefix();
    const store = open(redisHub({ redis, subscriber, prefix: name, timeoutMs: 5000 }));
    await store.append({ tenantId: "acme", topic: "t", body: "1", id: "x" });
    await store.setPresence("acme", [{ topic: "t", count: 1 }], 1000);
    await store.read({ tenantId: "new", topics: [], limit: 1 });
    const keys = await redis.keys(`${name}:*`);
    expect(keys.map((key) => key.slice(name.length)).sort()).toEqual([
      ":{acme}:history",
      ":{acme}:id:x",
      ":{acme}:presence:t",
      ":{acme}:tail:t",
      ":{acme}:topic:t",
      ":{new}:history",
    ]);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it("begins a new epoch when the history is gone, and when it is of another data set", async () => {
    const name = prefix();
    const store = open(redisHub({ redis, subscriber, prefix: name, timeoutMs: 5000 }));
    const first = await store.append({ tenantId: "acme", topic: "t", body: "1" });
    await redis.del(`${name}:{acme}:history`);
    const second = await store.append({ tenantId: "acme", topic: "t", body: "2" });
    expect(second.epoch).not.toBe(first.epoch);
    const ask = (after: typeof first) => store.read({ tenantId: "acme", topics: ["t"], after, limit: 9 });
    expect(await ask(first)).toMatchObject({ is: "unknown" });
    // As a server leaves it that was promoted since.
    const value = (await redis.get(`${name}:{acme}:history`)) ?? "";
    await redis.set(`${name}:{acme}:history`, value.replace(/ \S+ /, ` ${"f".repeat(40)} `));
    // An append does not ask for the server's id. The first read after it does.
    expect((await store.append({ tenantId: "acme", topic: "t", body: "3" })).epoch).toBe(second.epoch);
    const rotated = await ask(second);
    expect(rotated).toMatchObject({ is: "unknown" });
    expect(rotated.epoch).not.toBe(second.epoch);
    expect((await store.tails("acme", ["t"])).tails).toEqual([0]);
    expect((await store.append({ tenantId: "acme", topic: "t", body: "4" })).epoch).toBe(rotated.epoch);
    expect((await ask(rotated)).events.map(({ body }) => body)).toEqual(["4"]);
    const resuming = open(redisHub({ redis, subscriber, prefix: name, afterRestart: "resume", timeoutMs: 5000 }));
    await redis.set(`${name}:{acme}:history`, value.replace(/ \S+ /, ` ${"f".repeat(40)} `));
    expect((await resuming.append({ tenantId: "acme", topic: "t", body: "5" })).epoch).toBe(second.epoch);
  });

  it("reports events as gone when only the newest position of their topic, or only the events, were evicted", async () => {
    const name = prefix();
    const store = open(redisHub({ redis, subscriber, prefix: name, timeoutMs: 5000 }));
    const append = () => store.append({ tenantId: "acme", topic: "t", body: "1" });
    const [first, second] = [await append(), await append()];
    await redis.del(`${name}:{acme}:tail:t`);
    await append();
    const ask = (after: typeof first) => store.read({ tenantId: "acme", topics: ["t"], after, limit: 9 });
    expect((await ask(first)).events).toHaveLength(2);
    await redis.del(`${name}:{acme}:topic:t`);
    const last = await append();
    expect(await ask(second)).toMatchObject({ is: "trimmed" });
    expect(await ask(last)).toMatchObject({ is: "events", events: [] });
  });

  it("rejects only the event that the server refuses, of those that it sends together", async () => {
    const name = prefix();
    const store = open(redisHub({ redis, subscriber, prefix: name, timeoutMs: 5000 }));
    await redis.set(`${name}:{acme}:topic:broken`, "not a stream");
    const append = (topic: string) => store.append({ tenantId: "acme", topic, body: "1" });
    const outcomes = await Promise.allSettled([append("a"), append("broken"), append("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "SCALE_STORE" } });
  });

  it("rejects a cluster as subscriber without sharded channels, and the reverse", () => {
    const clusterLike = { status: "ready", isCluster: true, subscribe() {}, on() {} } as never;
    expect(() => redisHub({ redis, subscriber, sharded: true })).toThrow(/subscriber: expected an ioredis Cluster/);
    expect(() => redisHub({ redis, subscriber: clusterLike })).toThrow(/subscriber/);
  });
});

describe.skipIf(url === "")("redisHub with node-redis", async () => {
  const redis = createClient({ url });
  const subscriber = redis.duplicate();
  let run = 0;
  beforeAll(() => Promise.all([redis.connect(), subscriber.connect()]));
  afterAll(() => Promise.all([redis.close(), subscriber.close()]));

  describeHubStore("node-redis", async () => {
    const prefix = `test:realtime:node-redis:${process.pid}:${run++}`;
    return { store: redisHub({ redis, subscriber, prefix, timeoutMs: 5000 }), pass };
  });
});
