import { findRedis, type RedisServer, seededRandom, startRedis, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, rowOf, sleep } from "../../scenarios/database.js";
import { kinds, startTracked, type Tracked, untilServed } from "../../test/tracked.js";
import { createCache } from "../index.js";
import { freshStores } from "../testing/context.js";
import { describeInvalidation } from "../testing/invalidation.js";
import { describeLeases } from "../testing/leases.js";
import { describeWrites } from "../testing/writes.js";
import { redisStore } from "./store.js";
import { trackingFail } from "./tracking-event.js";

const BOUND_MS = 600;
const SEED = 20_261_120;
console.info(`tracking.test.ts: seed ${SEED}`);

const hasRedis = findRedis() !== undefined;
const ids = Array.from({ length: 100 }, (_, i) => `row-${i}`);
/** Long enough for a message, and for the question that it may lead to. */
const heard = (): Promise<void> => sleep(60);

describe.skipIf(!hasRedis)("tracking", () => {
  // Of its own: it is flushed.
  let server: RedisServer;
  let other: Redis;
  beforeAll(async () => {
    server = await startRedis();
    other = new Redis(server.url);
  });
  afterAll(async () => {
    other.disconnect();
    await server.stop();
  });

  describe.each(Object.keys(kinds))("with %s", (kind) => {
    const running: Tracked[] = [];
    let prefix = "";
    let next = 0;
    afterEach(() => {
      for (const each of running.splice(0)) each.close();
    });
    async function start(): Promise<Tracked> {
      const one = startTracked(await kinds[kind]!(server.url), prefix, BOUND_MS);
      running.push(one);
      return one;
    }
    async function both(): Promise<[Tracked, Tracked]> {
      prefix = `${kind.slice(0, 9).replace(" ", "")}:${next++}`;
      const pair: [Tracked, Tracked] = [await start(), await start()];
      await untilServed(...pair);
      return pair;
    }
    const raw = (tenantId: string, part: string): string =>
      `${kind.includes("keyPrefix") ? "app:" : ""}${prefix}:{${tenantId}}:${part}`;
    const trackers = async (): Promise<string[]> =>
      String(await other.client("LIST"))
        .split("\n")
        .filter((line) => / flags=[^ ]*t/.test(line))
        .map((line) => / ?id=(\d+)/.exec(line)?.[1] ?? "");

    const deletes: [string, (tenantId: string, id: string) => Promise<unknown>][] = [
      ["DEL", (tenantId, id) => other.del(raw(tenantId, `e:row:${id}`))],
      ["SET", (tenantId, id) => other.set(raw(tenantId, `e:row:${id}`), "mine")],
      ["an expiry", (tenantId, id) => expire(raw(tenantId, `e:row:${id}`))],
      ["APPEND to it", (tenantId, id) => other.append(raw(tenantId, `e:row:${id}`), " ")],
      ["a list in its place", (tenantId, id) => replaceByList(raw(tenantId, `e:row:${id}`))],
      ["DEL of the generation", (tenantId) => other.del(raw(tenantId, "g"))],
    ];
    async function expire(key: string): Promise<void> {
      await other.pexpire(key, 1);
      await sleep(5);
      // Redis removes it when it is looked for; else it takes its time.
      await other.exists(key);
    }
    async function replaceByList(key: string): Promise<void> {
      await other.multi().del(key).rpush(key, "x").exec();
    }

    it.each(deletes)("ends in memory what others end in Redis by %s", async (how, end) => {
      const processes = await both();
      const database = createDatabase(() => 0);
      const rows = processes.map((each) => rowOf(each, database));
      const tenants = processes.map(({ cache }) => cache.tenant(`${how}: all`));
      for (const i of [0, 1]) for (const id of ["a", "b"]) await tenants[i]!.get(rows[i]!, id);
      await heard();
      for (const i of [0, 1]) await tenants[i]!.get(rows[i]!, "a");
      await heard();
      expect([0, 1].map((i) => tenants[i]!.peek(rows[i]!, "a"))).toEqual([0, 0]);
      const truth = database.change("a");
      await end(tenants[0]!.tenantId.replaceAll(" ", "%20").replaceAll(":", "%3a"), "a");
      await heard();
      expect([0, 1].map((i) => tenants[i]!.peek(rows[i]!, "a"))).toEqual([undefined, undefined]);
      // What is no text cannot be filled, and what was appended to may still be an entry.
      if (how.startsWith("a list") || how.startsWith("APPEND")) return;
      expect(await tenants[0]!.get(rows[0]!, "a")).toBe(truth);
      expect(await tenants[1]!.get(rows[1]!, "a")).toBe(truth);
    });

    it("forgets everything after FLUSHALL, also what was under way", async () => {
      const [one] = await both();
      const database = createDatabase(() => 20);
      const row = rowOf(one, database);
      const acme = one.cache.tenant("acme");
      await acme.get(row, "a");
      await heard();
      const early = acme.get(row, "b");
      await sleep(5);
      for (const id of ["a", "b"]) database.change(id);
      await other.flushall();
      await early;
      await heard();
      expect(await Promise.all(["a", "b"].map((id) => acme.get(row, id)))).toEqual([1, 1]);
    });

    it("loads everything once, and leaves in memory what this process loaded", async () => {
      const [one, two] = await both();
      const database = createDatabase(() => 3);
      const [mine, theirs] = [rowOf(one, database), rowOf(two, database)];
      const all = ids.map(async (id, i) => {
        const tenantId = `tenant ${i % 3}`;
        await Promise.all([one.cache.tenant(tenantId).get(mine, id), two.cache.tenant(tenantId).get(theirs, id)]);
      });
      await Promise.all(all);
      expect(database.loads()).toBe(ids.length);
      const loaded = one.cache.tenant("loaded");
      for (const id of ids) await loaded.get(mine, id);
      await heard();
      expect(ids.filter((id) => loaded.peek(mine, id) === undefined)).toEqual([]);
    });

    it("leaves in memory what a tag does not end", async () => {
      const [one, two] = await both();
      const database = createDatabase(() => 0);
      const [mine, theirs] = [rowOf(one, database), rowOf(two, database)];
      const acme = one.cache.tenant("acme");
      for (const id of ids) await acme.get(mine, id);
      await heard();
      await two.cache.tenant("acme").get(theirs, "row-1");
      await two.cache.tenant("acme").invalidateTags(["of:row-1"]);
      await heard();
      expect(ids.filter((id) => acme.peek(mine, id) === undefined)).toEqual(["row-1"]);
    });

    it("never serves what others deleted before, wherever a load was under way", async () => {
      const random = seededRandom(SEED);
      const processes = await both();
      const database = createDatabase(() => random() * 8);
      const rows = processes.map((each) => rowOf(each, database));
      const stale: string[] = [];
      async function trial(id: string, i: number): Promise<void> {
        const tenants = processes.map(({ cache }) => cache.tenant("races"));
        const [loader, third] = [i % 2, (i + 1) % 2];
        const early = tenants[loader]!.get(rows[loader]!, id);
        await sleep(random() * 20);
        const truth = database.change(id);
        await other.del(raw("races", `e:row:${id}`));
        await early;
        await heard();
        if ((await tenants[loader]!.get(rows[loader]!, id)) < truth) stale.push(`${id}: loading process`);
        if ((await tenants[third]!.get(rows[third]!, id)) < truth) stale.push(`${id}: other process`);
      }
      await Promise.all(ids.map(trial));
      expect(stale).toEqual([]);
      expect(database.loads()).toBeLessThan(ids.length * 3);
    });

    const ends: [string, () => Promise<unknown>][] = [
      ["is killed", async () => Promise.all((await trackers()).map((id) => other.client("KILL", "ID", id)))],
    ];
    it.each(ends)(
      "serves memory no longer than the bound when the connection %s, and hears again after that",
      async (_how, end) => {
        const [one] = await both();
        const database = createDatabase(() => 0);
        const row = rowOf(one, database);
        const acme = one.cache.tenant("acme");
        await acme.get(row, "a");
        await heard();
        expect(acme.peek(row, "a")).toBe(0);
        await end();
        const truth = database.change("a");
        await other.del(raw("acme", "e:row:a"));
        await sleep(BOUND_MS + 5);
        expect(await acme.get(row, "a")).toBe(truth);
        await untilServed(one);
        await acme.get(row, "a");
        await heard();
        expect(acme.peek(row, "a")).toBe(truth);
        await other.del(raw("acme", "e:row:a"));
        await heard();
        expect(acme.peek(row, "a")).toBeUndefined();
      },
    );
  });

  it("asks again, and tells, when Redis has ended it without ending the connection", async () => {
    const clients = await kinds["ioredis 6 with protocol 2"]!(server.url);
    const one = startTracked(clients, "silent", BOUND_MS);
    const failures: unknown[] = [];
    const stop = trackingFail.subscribe(({ error }) => failures.push(String(error)));
    await untilServed(one);
    const database = createDatabase(() => 0);
    const row = rowOf(one, database);
    await one.cache.tenant("acme").get(row, "a");
    const subscriber = clients.subscriber as Redis;
    const channels = ["__redis__:invalidate", "silent:bus"];
    await subscriber.unsubscribe(...channels);
    await subscriber.call("CLIENT", "TRACKING", "OFF");
    await subscriber.subscribe(...channels);
    const truth = database.change("a");
    await other.del("silent:{acme}:e:row:a");
    await sleep(BOUND_MS + 5);
    expect(await one.cache.tenant("acme").get(row, "a")).toBe(truth);
    await untilServed(one);
    expect(failures).toEqual(["StoreError: Redis does not tell this process what changes"]);
    stop();
    one.close();
  });

  it("tells why when the subscriber has other subscriptions, and serves no memory", async () => {
    const clients = await kinds["ioredis 5 with keyPrefix"]!(server.url);
    await (clients.subscriber as Redis).subscribe("theirs");
    const failures: string[] = [];
    const stop = trackingFail.subscribe(({ error }) => failures.push(String(error)));
    const one = startTracked(clients, "shared", BOUND_MS);
    await expect.poll(() => failures[0]).toMatch(/subscriber mode/);
    expect(one.cache.health().isMemoryServed).toBe(false);
    stop();
    one.close();
  });

  it("is refused to a second cache on the same subscriber, until the first is closed", async () => {
    const { redis, subscriber, close } = await kinds["ioredis 6 with protocol 2"]!(server.url);
    const store = redisStore({ redis, subscriber, tracking: true });
    const one = createCache({ store });
    expect(() => createCache({ store })).toThrow("of its own");
    one.close();
    const two = createCache({ store });
    await untilServed({ cache: two });
    two.close();
    close();
  });

  describe("keeps what every store must", () => {
    const clients: Redis[] = [];
    let next = 0;
    beforeAll(() => {
      clients.push(
        new Redis(server.url),
        new Redis(server.url, { protocol: 2 }),
        new Redis(server.url, { protocol: 2 }),
      );
    });
    afterAll(() => {
      for (const each of clients) each.disconnect();
    });
    const context = freshStores(() => {
      const options = { redis: clients[0]!, prefix: `suite:${next++}`, timeoutMs: 2000, leaseMs: 400, tracking: true };
      const make = (i: number) => redisStore({ ...options, subscriber: clients[i]! });
      return { stores: [make(1), make(2)] };
    });
    describeLeases(context);
    describeWrites(context);
    describeInvalidation(context);
  });
});

describe("tracking is refused", () => {
  const lazy = { lazyConnect: true };
  it("on a subscriber that would not pass on what it is told, and without one", () => {
    const redis = new Redis(lazy);
    expect(() => redisStore({ redis, tracking: true })).toThrow("tracking needs a subscriber");
    expect(() => redisStore({ redis, subscriber: new Redis(lazy), tracking: true })).toThrow("`protocol: 2`");
    expect(() => redisStore({ redis, subscriber: createClient(), tracking: true })).toThrow("`RESP: 2`");
  });

  it.skipIf(!hasRedis)("on a Cluster", async () => {
    const cluster = await startRedisCluster();
    const redis = new Cluster([...cluster.addresses]);
    const [node] = cluster.addresses;
    const subscriber = new Redis({ ...lazy, ...node, protocol: 2 });
    expect(() => redisStore({ redis, subscriber, tracking: true })).toThrow("Cluster");
    redis.disconnect();
    await cluster.stop();
  });
});
