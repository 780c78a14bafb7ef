import { startFaultProxy, startRedis, type RedisServer } from "@scale/testkit";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { bool, createFlags, defineFlags, sourceFail } from "../index.js";
import { describeFlagSource } from "../testing/index.js";
import { redisSource } from "./index.js";

const url = inject("redisUrl");
const definitions = defineFlags({ checkout: bool({ default: false }) });
let run = 0;
const prefix = (): string => `test:flags:${process.pid}:${run++}`;

describe.skipIf(url === "")("redisSource", () => {
  const clients: { disconnect(): unknown }[] = [];
  const ioredis = (to = url): Redis => {
    const client = new Redis(to, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  };
  afterAll(() => clients.forEach((client) => client.disconnect()));

  describeFlagSource("redis with ioredis", async () => {
    const options = { prefix: prefix(), timeoutMs: 5000 };
    const open = () => redisSource({ redis: ioredis(), subscriber: ioredis(), ...options });
    return { source: open(), other: open() };
  });

  describe("with node-redis", () => {
    const open = async () => {
      const client = await createClient({ url })
        .on("error", () => undefined)
        .connect();
      clients.push({ disconnect: () => client.destroy() });
      return client;
    };
    describeFlagSource("redis with node-redis", async () => {
      const options = { prefix: prefix(), timeoutMs: 5000 };
      const source = redisSource({ redis: await open(), subscriber: await open(), ...options });
      return { source, other: redisSource({ redis: await open(), subscriber: await open(), ...options }) };
    });
  });

  it("hears of changes without a subscriber by the next poll", async () => {
    const name = prefix();
    const refresh = { pollMs: 20 };
    const flags = createFlags({ flags: definitions, source: redisSource({ redis: ioredis(), prefix: name }), refresh });
    const other = createFlags({ flags: definitions, source: redisSource({ redis: ioredis(), prefix: name }), refresh });
    await other.set("checkout", { rules: [{}] }, { by: "test" });
    await expect.poll(() => flags.get("checkout")).toBe(true);
    await Promise.all([flags.close(), other.close()]);
  });

  it("keeps the document in one key that does not expire, and writes nothing when it reads", async () => {
    const name = prefix();
    const redis = ioredis();
    const flags = createFlags({ flags: definitions, source: redisSource({ redis, prefix: name }) });
    await flags.refresh();
    expect(await redis.exists(`${name}:{document}`)).toBe(0);
    await flags.kill("checkout", { by: "test", note: "incident 7" });
    expect(await redis.pttl(`${name}:{document}`)).toBe(-1);
    expect(await redis.hgetall(`${name}:{document}`)).toMatchObject({
      version: "1",
      changedBy: "test",
      note: "incident 7",
    });
    await flags.close();
  });

  it.each([
    ["another type", (redis: Redis, key: string) => redis.set(key, "text")],
    ["no text", (redis: Redis, key: string) => redis.hset(key, { revision: "r", version: 1 })],
    [
      "a version that is no number",
      (redis: Redis, key: string) => redis.hset(key, { revision: "r", version: "x", text: "{}" }),
    ],
  ])("keeps the rules when the key has %s", async (_name, spoil) => {
    const name = prefix();
    const redis = ioredis();
    const flags = createFlags({ flags: definitions, source: redisSource({ redis, prefix: name }) });
    await flags.set("checkout", { rules: [{}] }, { by: "test" });
    await redis.del(`${name}:{document}`);
    await spoil(redis, `${name}:{document}`);
    await flags.refresh();
    expect(flags.get("checkout")).toBe(true);
    await flags.close();
  });

  describe("when the server fails", () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(() => server.stop());

    it("answers within its deadline, keeps the rules, and works again without a restart of the process", async () => {
      const source = redisSource({ redis: ioredis(server.url), subscriber: ioredis(server.url), timeoutMs: 100 });
      const flags = createFlags({ flags: definitions, source, refresh: { pollMs: 20 } });
      await flags.ready();
      await flags.set("checkout", { rules: [{}] }, { by: "test" });
      const failures: unknown[] = [];
      const end = sourceFail.subscribe(({ source: name }) => void failures.push(name));
      server.pause();
      const begun = performance.now();
      await expect(flags.kill("checkout", { by: "test" })).rejects.toMatchObject({ code: /SCALE_(STORE|TIMEOUT)/ });
      expect(performance.now() - begun).toBeLessThan(1000);
      await expect.poll(() => failures.length).toBeGreaterThan(0);
      expect(flags.explain("checkout")).toMatchObject({ value: true, source: { from: "live" } });
      end();
      server.resume();
      await expect
        .poll(() =>
          flags.kill("checkout", { by: "test" }).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true);
      expect(flags.get("checkout")).toBe(false);
      await flags.close();
    });

    it("hears of changes again after the subscription was cut", async () => {
      const proxy = await startFaultProxy(server.url);
      const name = prefix();
      const subscriber = ioredis(proxy.url);
      const source = redisSource({ redis: ioredis(server.url), subscriber, prefix: name });
      // Polls never come: only the subscription can tell.
      const flags = createFlags({ flags: definitions, source, refresh: { pollMs: 86_400_000 } });
      const other = createFlags({
        flags: definitions,
        source: redisSource({ redis: ioredis(server.url), prefix: name }),
      });
      await flags.ready();
      await other.set("checkout", { rules: [{}] }, { by: "test" });
      await expect.poll(() => flags.get("checkout")).toBe(true);
      await proxy.down();
      await other.kill("checkout", { by: "test" });
      await proxy.up();
      await expect.poll(() => flags.get("checkout")).toBe(false);
      await Promise.all([flags.close(), other.close()]);
      await proxy.close();
    });
  });
});
