import { createManualClock, type ManualClock } from "@scale/core/testing";
import { startRedis, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createBreaker } from "../breaker.js";
import { shareFail } from "../events.js";
import type { BreakerOptions } from "../options.js";
import type { BreakerShare } from "../share.js";
import { deferred, errorOf, failCalls, failure, succeedCalls } from "../testing/context.js";
import type { Breaker } from "../types.js";
import { redisShare, type RedisShareOptions } from "./share.js";

const url = inject("redisUrl");
let next = 0;
/** Its own prefix keeps each test apart from all others on the shared server. */
const prefix = (): string => `test:${process.pid}:${next++}`;

const LEASE_MS = 2000;
const options = (clock: ManualClock, share: BreakerShare): BreakerOptions => ({
  ...{ name: "billing", clock, share, minimumCalls: 3, rampMs: 0, random: () => 0 },
  open: { baseMs: 1000, jitter: 0 },
  halfOpen: { permits: 1, successRate: 1, leaseMs: LEASE_MS },
});

/** Commands on their way to Redis, from all breakers of a test. */
const onTheWay = new Set<Promise<unknown>>();

function tracked<T>(command: Promise<T>): Promise<T> {
  const one: Promise<unknown> = command.catch(() => undefined).finally(() => onTheWay.delete(one));
  onTheWay.add(one);
  return command;
}

/** Waits until nothing is on its way, and nothing has been sent in answer to an answer. */
async function settled(): Promise<void> {
  do {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(onTheWay);
  } while (onTheWay.size > 0);
}

function trackedShare(options: RedisShareOptions): BreakerShare {
  const share = redisShare(options);
  return {
    quorum: share.quorum,
    forBreaker(name, key) {
      const shared = share.forBreaker(name, key);
      return {
        reportOpen: (openMs) => tracked(shared.reportOpen(openMs)),
        reportClosed: () => tracked(shared.reportClosed()),
        claimProbe: (leaseMs) => tracked(shared.claimProbe(leaseMs)),
        readAdvice: () => tracked(shared.readAdvice()),
      };
    },
  };
}

/** Breakers of several processes: each has a share of its own. */
function processes(client: RedisShareOptions["redis"], count: number): { clock: ManualClock; breakers: Breaker[] } {
  const clock = createManualClock();
  const at = prefix();
  const breakers = Array.from({ length: count }, () =>
    createBreaker(options(clock, trackedShare({ redis: client, prefix: at, clock, timeoutMs: 10_000 }))),
  );
  return { clock, breakers };
}

function describeShare(name: string, clientOf: () => RedisShareOptions["redis"]): void {
  describe(`redisShare over ${name}`, () => {
    it("admits the probe of one process at a time", async () => {
      const { clock, breakers } = processes(clientOf(), 3);
      for (const breaker of breakers) await failCalls(breaker, 3);
      await settled();
      clock.advance(1000);
      const work = deferred();
      let probes = 0;
      const calls = breakers.map((breaker) =>
        errorOf(
          breaker.run(() => {
            probes++;
            return work.promise;
          }),
        ),
      );
      await settled();
      expect(probes).toBe(1);
      work.resolve(1);
      const refused = (await Promise.all(calls)).filter((error) => error !== undefined);
      expect(refused).toHaveLength(2);
      expect(refused[0]).toMatchObject({ code: "SCALE_OPEN", retryAfterMs: LEASE_MS });
    });

    it("lets every process probe for itself after one has recovered", async () => {
      const { clock, breakers } = processes(clientOf(), 3);
      for (const breaker of breakers) await failCalls(breaker, 3);
      await settled();
      clock.advance(1000);
      for (const breaker of breakers) {
        await succeedCalls(breaker, 1);
        await settled();
      }
      expect(breakers.map(({ state }) => state)).toEqual(["closed", "closed", "closed"]);
    });

    it("makes the others wait after a failed probe, and gives the lease of a lost process to the next", async () => {
      const { clock, breakers } = processes(clientOf(), 3);
      const [first, second, third] = breakers as [Breaker, Breaker, Breaker];
      for (const breaker of breakers) await failCalls(breaker, 3);
      await settled();
      clock.advance(1000);
      await failCalls(first, 1);
      await settled();
      expect(await errorOf(second.run(() => 1))).toMatchObject({ code: "SCALE_OPEN", retryAfterMs: 2000 });
      clock.advance(2000);
      const lost = deferred();
      const hung = errorOf(second.run(() => lost.promise));
      await settled();
      expect(await errorOf(third.run(() => 1))).toMatchObject({ code: "SCALE_OPEN", retryAfterMs: LEASE_MS });
      clock.advance(LEASE_MS);
      await succeedCalls(third, 1);
      lost.resolve(1);
      await hung;
    });

    it("follows two others after one failure of its own, and never without one", async () => {
      const { clock, breakers } = processes(clientOf(), 4);
      const [first, second, third, healthy] = breakers as [Breaker, Breaker, Breaker, Breaker];
      await failCalls(first, 3);
      await failCalls(third, 1);
      await settled();
      expect(third.state).toBe("closed");
      await failCalls(second, 3);
      await settled();
      await succeedCalls(third, 1000);
      await failCalls(third, 1);
      await succeedCalls(healthy, 100);
      await settled();
      expect([third.state, healthy.state]).toEqual(["open", "closed"]);
      clock.advance(60_000);
      await succeedCalls(first, 1);
      expect(first.state).toBe("closed");
    });
  });
}

describe.skipIf(!url)("redisShare", () => {
  const redis = new Redis(url);
  const nodeRedis = createClient({ url });
  beforeAll(() => nodeRedis.connect());
  afterAll(() => {
    redis.disconnect();
    nodeRedis.destroy();
  });

  describeShare("ioredis", () => redis);
  describeShare("node-redis", () => nodeRedis);

  it("lets every key expire, and keeps the keys of different names and keys apart", async () => {
    const at = prefix();
    const share = redisShare({ redis, prefix: at, timeoutMs: 10_000 });
    for (const [name, key] of [
      ["a", "b:c"],
      ["a:b", "c"],
      ["a", undefined],
      ["{}", "*"],
    ] as const) {
      const shared = share.forBreaker(name, key);
      await shared.reportOpen(1000);
      expect((await shared.readAdvice()).openInstances).toBe(1);
      expect((await share.forBreaker(`${name}x`, key).readAdvice()).openInstances).toBe(0);
      expect(await shared.claimProbe(500)).toEqual({ isGranted: true });
    }
    await share.forBreaker("recovered", "x").reportClosed();
    const keys = await redis.keys(`${at}:*`);
    expect(keys).toHaveLength(9);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it("sends no command for a closed breaker without failures, and at most two for a thousand calls with some", async () => {
    const server = await startRedis();
    const client = new Redis(server.url);
    const commands = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);
    try {
      const share = trackedShare({ redis: client, timeoutMs: 10_000 });
      const breaker = createBreaker({ name: "billing", share });
      await succeedCalls(breaker, 1000);
      expect(await commands()).toBe(0);
      for (let i = 0; i < 4000; i++) {
        if (i % 10 === 0) await failCalls(breaker, 1);
        else await succeedCalls(breaker, 1);
        if (i % 100 === 0) await settled();
      }
      expect(breaker.state).toBe("closed");
      expect(await commands()).toBeGreaterThan(0);
      expect(await commands()).toBeLessThanOrEqual(2 * 5);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  it("decides alone while Redis is away, and publishes it", async () => {
    const client = new Redis({ lazyConnect: true, enableOfflineQueue: false });
    const clock = createManualClock();
    const breaker = createBreaker(options(clock, trackedShare({ redis: client, timeoutMs: 20 })));
    const operations: string[] = [];
    const unsubscribe = shareFail.subscribe(({ operation }) => void operations.push(operation));
    await failCalls(breaker, 3);
    expect(await errorOf(breaker.run(() => 1))).toMatchObject({ code: "SCALE_OPEN" });
    clock.advance(1000);
    await succeedCalls(breaker, 1);
    await settled();
    unsubscribe();
    expect(breaker.state).toBe("closed");
    expect(operations).toEqual(["read-advice", "report-open", "claim-probe", "report-closed"]);
    client.disconnect();
  });

  it("keeps the state of a breaker that was set by hand while it asked for the probe", async () => {
    const { clock, breakers } = processes(redis, 1);
    const [breaker] = breakers as [Breaker];
    await failCalls(breaker, 3);
    clock.advance(1000);
    const call = errorOf(breaker.run(() => Promise.reject(failure)));
    breaker.setMode("forced-open");
    expect(await call).toMatchObject({ code: "SCALE_OPEN", state: "forced-open" });
  });
});

describe.skipIf(!url)("redisShare on a Cluster", () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster([...cluster.addresses]);
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });

  describeShare("ioredis Cluster", () => client);
});
