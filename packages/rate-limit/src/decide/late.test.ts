import type { StoreFailurePolicy } from "@scale/core";
import {
  type FaultProxy,
  type RedisServer,
  seededRandom,
  startFaultProxy,
  startRedis,
  waitUntil,
} from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import type { RateLimiterOptions } from "../options.js";
import { redisStore } from "../redis/store.js";

const available = inject("redisUrl") !== "";
const SEED = 20_261_130;
// Longer than the default, because a busy machine must not miss it while Redis runs.
const TIMEOUT_MS = 120;
const POLICIES: readonly StoreFailurePolicy[] = ["allow", "deny", "local", "throw"];
const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window"] as const;
const acme = { tenantId: "acme" };
const rules = {
  tenant: { limit: 100, window: "1h" },
  running: { algorithm: "concurrency", limit: 4, by: "tenant", ttl: "60s" },
} as const;

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ignore = (): void => undefined;

describe.skipIf(!available)(`work that Redis carries out after its deadline (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const prefix = `late:${process.pid}`;
  let server: RedisServer;
  let proxy: FaultProxy;
  let redis: Redis;
  let own: Redis;
  let next = 0;
  beforeAll(async () => {
    server = await startRedis();
    proxy = await startFaultProxy(server.url);
    const options = { maxRetriesPerRequest: 0, retryStrategy: () => 20 };
    redis = new Redis(proxy.url, options).on("error", ignore);
    own = new Redis(server.url, options).on("error", ignore);
  });
  afterAll(async () => {
    redis.disconnect();
    own.disconnect();
    await proxy.close();
    await server.stop();
  });

  // A test that failed may have left it frozen.
  afterEach(() => server.resume());

  /** A limiter, and the remaining units or slots of one of its rules as another process reads them. */
  async function setup(
    options: Pick<RateLimiterOptions, "whenStoreFails"> & { readonly rules: RateLimiterOptions["rules"] },
  ) {
    const all = { ...options, name: `limiter-${next++}`, instances: 1 } as RateLimiterOptions;
    const limiter = createRateLimiter({ ...all, store: redisStore({ redis, prefix, timeoutMs: TIMEOUT_MS }) });
    const reader = createRateLimiter({ ...all, store: redisStore({ redis: own, prefix, timeoutMs: 5000 }) });
    const left = async (rule: string): Promise<number | undefined> =>
      (await reader.peek(acme)).limits.find(({ name }) => name === rule)?.remaining;
    await waitUntil(async () => (await limiter.peek(acme)).decidedBy === "store", { what: "the connection" });
    return { limiter, reader, left };
  }

  /** Freezes Redis for a random time around the deadline, and does the work meanwhile. */
  async function frozen<T>(work: () => Promise<T>): Promise<T> {
    server.pause();
    const done = work();
    done.catch(ignore);
    await pass(TIMEOUT_MS * (0.6 + 1.4 * random()));
    server.resume();
    return done;
  }

  async function expectSoon(what: string, read: () => Promise<unknown>, expected: unknown): Promise<void> {
    let value: unknown;
    const isThere = async (): Promise<boolean> => (value = await read()) === expected;
    await waitUntil(isThere, { what, timeoutMs: 1000 }).catch(ignore);
    expect({ [what]: value }).toEqual({ [what]: expected });
  }

  const holdOnce = async (limiter: RateLimiter): Promise<void> => {
    try {
      await using slot = await limiter.acquire(acme);
      if (slot.allowed) await pass(random() * 20);
    } catch {
      // The policy is to throw.
    }
  };

  it.each(POLICIES)("frees every slot within a second, with the policy %s", async (whenStoreFails) => {
    const { limiter, left } = await setup({ rules: { running: rules.running }, whenStoreFails });
    for (let round = 0; round < 3; round++) {
      await frozen(() => Promise.all(Array.from({ length: 6 }, () => holdOnce(limiter))));
      await expectSoon("free slots", () => left("running"), 4);
    }
    limiter.close();
  });

  it("repeats a release that was refused while Redis is frozen", async () => {
    const { limiter, left } = await setup({ rules: { running: rules.running }, whenStoreFails: "deny" });
    const slots = await Promise.all(Array.from({ length: 4 }, () => limiter.acquire(acme)));
    expect(slots.map(({ allowed }) => allowed)).toEqual([true, true, true, true]);
    await frozen(async () => {
      await limiter.acquire(acme);
      await Promise.all(slots.map((slot) => slot.release()));
    });
    await expectSoon("free slots", () => left("running"), 4);
    limiter.close();
  });

  it("frees a slot whose answer was lost with the connection", async () => {
    const { limiter, left } = await setup({ rules: { running: rules.running }, whenStoreFails: "deny" });
    proxy.cutAfter(1);
    const slot = await limiter.acquire(acme);
    expect(slot.decision).toMatchObject({ allowed: false, decidedBy: "policy" });
    await expectSoon("free slots", () => left("running"), 4);
    limiter.close();
  });

  it.each([
    ["deny", 100],
    ["throw", 100],
    ["allow", 99],
  ] as const)(
    "refunds a request that was refused, and no other: %s leaves %i units",
    async (whenStoreFails, expected) => {
      for (const algorithm of ALGORITHMS) {
        const { limiter, left } = await setup({ rules: { tenant: { ...rules.tenant, algorithm } }, whenStoreFails });
        // Longer than the deadline, which the other tests do not always reach.
        server.pause();
        const decided = limiter.check(acme).then(
          ({ allowed }) => allowed,
          () => false,
        );
        await pass(TIMEOUT_MS * (1.3 + random()));
        server.resume();
        expect(await decided).toBe(whenStoreFails === "allow");
        await expectSoon(`units left by ${algorithm}`, () => left("tenant"), expected);
        limiter.close();
      }
    },
  );

  it.each([
    ["deny", 100],
    ["allow", 99],
  ] as const)("returns units that were leased late: %s leaves %i units", async (whenStoreFails, expected) => {
    const leased = { tenant: { ...rules.tenant, lease: "10s" } } as const;
    const { limiter, left } = await setup({ rules: leased, whenStoreFails });
    server.pause();
    const decided = limiter.check(acme);
    await pass(TIMEOUT_MS * (1.3 + random()));
    server.resume();
    expect((await decided).decidedBy).toBe("policy");
    await expectSoon("units left", () => left("tenant"), expected);
    limiter.close();
  });

  it.each(ALGORITHMS)("applies a refund of %s once that timed out and is tried again", async (algorithm) => {
    const { limiter, left } = await setup({
      rules: { tenant: { ...rules.tenant, algorithm } },
      whenStoreFails: "deny",
    });
    const a = await limiter.check(acme, { cost: 40 });
    const b = await limiter.check(acme, { cost: 40 });
    expect([a.decidedBy, b.decidedBy]).toEqual(["store", "store"]);
    server.pause();
    const refunded = limiter.refund(a);
    await expect(refunded).rejects.toMatchObject({ code: "SCALE_STORE" });
    server.resume();
    const again = async (): Promise<boolean> =>
      limiter.refund(a, 40).then(
        () => true,
        () => false,
      );
    await waitUntil(again, { what: "the refund, again" });
    expect(await left("tenant")).toBe(60);
    await expect(limiter.refund(a, 1)).rejects.toThrow(/up to 0/);
    limiter.close();
  });

  it("releases a slot whose renewal is carried out after its release", async () => {
    const running = { ...rules.running, ttl: 1500 } as const;
    const { limiter, left } = await setup({ rules: { running }, whenStoreFails: "deny" });
    const slot = await limiter.acquire(acme);
    // The renewal is due after a third of the ttl.
    await pass(450);
    server.pause();
    // The renewal has met its deadline: the release is refused without being sent.
    await pass(TIMEOUT_MS + 80 + random() * 50);
    await slot.release();
    server.resume();
    await expectSoon("free slots", () => left("running"), 4);
    await pass(100);
    expect(await left("running")).toBe(4);
    limiter.close();
  });
});
