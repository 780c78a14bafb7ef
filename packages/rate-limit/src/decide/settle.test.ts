import { createPlanResolver, definePlans, StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { remoteStore, storeWith } from "../../test/store-with.js";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const acme = { tenantId: "acme", userId: "ann" };
const rules = {
  tenant: { limit: 100, window: "1m" },
  user: { limit: 50, window: "1m", algorithm: "fixed-window" },
} as const;

const setup = () => {
  const clock = createManualClock();
  return { clock, limiter: createRateLimiter({ rules, store: memoryStore({ clock }) }) };
};
const remaining = async (limiter: RateLimiter): Promise<number[]> =>
  (await limiter.peek(acme)).limits.map((limit) => limit.remaining);

describe("settle", () => {
  it("charges what the work cost on top, beyond the limits, and later requests wait for it", async () => {
    const { limiter, clock } = setup();
    const decision = await limiter.check(acme, { cost: 10 });
    await limiter.settle(decision, 150);
    expect(await remaining(limiter)).toEqual([0, 0]);
    // 51 units have to leak until one fits: 30.6 seconds. The other rule begins a new window within a minute.
    expect((await limiter.check(acme)).limits[0]?.retryAfterMs).toBe(30_600);
    clock.advance(30_599);
    expect((await limiter.peek({ tenantId: "acme" })).allowed).toBe(false);
    clock.advance(1);
    expect((await limiter.peek({ tenantId: "acme" })).allowed).toBe(true);
  });

  it("refunds what the work did not cost", async () => {
    const { limiter } = setup();
    const decision = await limiter.check(acme, { cost: 10 });
    await limiter.settle(decision, 4);
    expect(await remaining(limiter)).toEqual([96, 46]);
    await limiter.settle(decision, 4);
    expect(await remaining(limiter)).toEqual([96, 46]);
  });

  it("follows a cost that grows, and charges each unit once", async () => {
    const { limiter } = setup();
    const decision = await limiter.check(acme);
    for (const units of [1, 5, 5, 20]) await limiter.settle(decision, units);
    expect(await remaining(limiter)).toEqual([80, 30]);
    await expect(limiter.settle(decision, 3)).rejects.toThrow(/at least 19, which were charged on top, got 3/);
  });

  it("leaves out a rule in shadow that was not charged, and slots", async () => {
    const running = { algorithm: "concurrency", by: "tenant", limit: 2 } as const;
    const shadow = { limit: 5, window: "1h", by: "tenant", shadow: true } as const;
    const limiter = createRateLimiter({ rules: { ...rules, running, shadow } });
    await using slot = await limiter.acquire(acme, { cost: 6 });
    await limiter.settle(slot.decision, 8);
    const { limits } = await limiter.peek(acme);
    expect(limits.map((limit) => [limit.name, limit.remaining])).toEqual([
      ["tenant", 92],
      ["user", 42],
      ["running", 1],
      ["shadow", 5],
    ]);
    limiter.close();
  });

  it("throws for a denial, another limiter's decision, and units that are none", async () => {
    const { limiter } = setup();
    const denied = await limiter.check(acme, { cost: 51 });
    await limiter.settle(denied, 0);
    await expect(limiter.settle(denied, 1)).rejects.toThrow(/expected one that was allowed/);
    const decision = await limiter.check(acme);
    for (const units of [-1, 0.5, Number.NaN, Infinity]) {
      await expect(limiter.settle(decision, units)).rejects.toThrow(/expected an integer >= 0/);
    }
    const other = createRateLimiter({ rules, name: "other" });
    await expect(other.settle(decision, 1)).rejects.toThrow(/expected a decision of limiter "other"/);
  });

  it("is applied once when the store carried it out without an answer and it is tried again", async () => {
    const { store } = remoteStore();
    let loses = true;
    const lossy = storeWith(async (request) => {
      const result = await store.consume(request);
      if (request.force !== undefined && loses) throw new Error("the answer was lost");
      return result;
    });
    const limiter = createRateLimiter({ rules, store: lossy, denialCacheMs: 0 });
    const decision = await limiter.check(acme, { cost: 10 });
    await expect(limiter.settle(decision, 15)).rejects.toMatchObject({ code: "SCALE_STORE" });
    loses = false;
    await limiter.settle(decision, 15);
    expect(await remaining(limiter)).toEqual([85, 35]);
    await limiter.settle(decision, 16);
    expect(await remaining(limiter)).toEqual([84, 34]);
  });

  it("can be tried again with another amount when nothing was sent", async () => {
    const memory = memoryStore();
    let isDown = true;
    const store = storeWith(async (request) => {
      if (request.force !== undefined && isDown) throw new StoreError("down", { notSent: true });
      return memory.consume(request);
    });
    const limiter = createRateLimiter({ rules, store, denialCacheMs: 0 });
    const decision = await limiter.check(acme, { cost: 10 });
    await expect(limiter.settle(decision, 90)).rejects.toMatchObject({ code: "SCALE_STORE" });
    isDown = false;
    await limiter.settle(decision, 12);
    expect(await remaining(limiter)).toEqual([88, 38]);
  });
});

describe("an unlimited rule", () => {
  const plans = definePlans({
    free: { rateLimit: { rules, groups: { ai: { daily: { limit: 1, window: "1d", by: "tenant" } } } } },
  });
  const unlimited = (rateLimit: object) =>
    createRateLimiter({
      plans: createPlanResolver({
        plans,
        lookup: (tenantId) => (tenantId === "big" ? { plan: "free", overrides: { rateLimit } } : "free"),
      }),
    });
  const big = { tenantId: "big", userId: "ann" };

  it("is lifted for one tenant by an override, and its other rules stay", async () => {
    const limiter = unlimited({ rules: { tenant: "unlimited" } });
    expect(await limiter.check(big, { cost: 50 })).toMatchObject({ allowed: true, limits: [{ name: "user" }] });
    expect(await limiter.check(big)).toMatchObject({ allowed: false, violated: ["user"] });
    expect((await limiter.check({ ...acme, userId: "bob" })).limits).toHaveLength(2);
  });

  it("admits a request to which no other rule applies, without asking the store", async () => {
    const limiter = unlimited({ rules: { tenant: "unlimited", user: "unlimited" } });
    const decision = await limiter.check(big, { cost: 1_000_000 });
    expect(decision).toEqual({
      ...{ allowed: true, decidedBy: "unlimited", plan: "free", group: undefined, cost: 1_000_000 },
      ...{ limits: [], violated: [], shadowed: [], retryAfterMs: 0 },
    });
    await limiter.refund(decision);
    await limiter.settle(decision, 5);
    await limiter.reset(big);
    await using slot = await limiter.acquire(big);
    expect(slot.allowed).toBe(true);
    expect(await limiter.check(big, { group: "ai", cost: 2 })).toMatchObject({ violated: ["ai.daily"] });
  });

  it("may be a rule of a group, and of every tenant", async () => {
    const limiter = unlimited({ groups: { ai: { daily: "unlimited" } } });
    expect((await limiter.check(big, { group: "ai", groupOnly: true, cost: 9 })).decidedBy).toBe("unlimited");
    const open = createRateLimiter({
      rules: { tenant: "unlimited", user: { limit: 1, window: "1m", whenSubjectMissing: "skip" } },
    });
    expect((await open.check({ tenantId: "acme" })).decidedBy).toBe("unlimited");
    expect((await open.check(acme, { cost: 2 })).allowed).toBe(false);
  });
});
