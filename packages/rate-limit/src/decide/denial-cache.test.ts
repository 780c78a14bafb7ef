import { createManualClock } from "@scale/core/testing";
import { createPlanResolver, definePlans } from "@scale/core";
import { describe, expect, it } from "vitest";
import { remoteStore } from "../../test/store-with.js";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import type { ConsumeRequest } from "../types.js";

const acme = { tenantId: "acme" };

async function usedUp(limiter: RateLimiter, units: number): Promise<void> {
  for (let i = 0; i < units; i++) expect((await limiter.check(acme)).allowed).toBe(true);
}

describe("the denial cache", () => {
  const rules = { tenant: { limit: 3, window: "1h" } } as const;

  it("repeats a refusal without asking the store, with the wait that is left", async () => {
    const { store, asked } = remoteStore();
    const limiter = createRateLimiter({ store, rules });
    await usedUp(limiter, 3);
    const first = await limiter.check(acme);
    const again = await limiter.check(acme);
    expect([first.decidedBy, again.decidedBy]).toEqual(["store", "denial-cache"]);
    expect(asked).toHaveLength(4);
    expect(again).toMatchObject({ allowed: false, violated: ["tenant"], limits: [{ name: "tenant", remaining: 0 }] });
    expect(again.retryAfterMs).toBeLessThanOrEqual(first.retryAfterMs);
    expect(again.retryAfterMs).toBeGreaterThan(first.retryAfterMs - 1000);
  });

  it("reports every rule of the request again, those in shadow and their refusals too", async () => {
    const clock = createManualClock();
    const { store, asked } = remoteStore({ clock });
    const limiter = createRateLimiter({
      store,
      clock,
      rules: {
        ...rules,
        user: { limit: 50, window: "1h" },
        trial: { limit: 2, window: "1h", by: "tenant", shadow: true },
      },
    });
    const ann = { ...acme, userId: "ann" };
    for (let i = 0; i < 3; i++) await limiter.check(ann);
    const [first, again] = [await limiter.check(ann), await limiter.check(ann)];
    expect([first.decidedBy, again.decidedBy]).toEqual(["store", "denial-cache"]);
    expect(again).toMatchObject({ violated: ["tenant"], shadowed: ["trial"], retryAfterMs: first.retryAfterMs });
    expect(again.limits).toEqual(first.limits);
    // The status of another user is not known here.
    const bob = await limiter.check({ ...acme, userId: "bob" });
    expect(bob).toMatchObject({ decidedBy: "store", violated: ["tenant"], shadowed: ["trial"] });
    expect((await limiter.check({ ...acme, userId: "bob" })).limits).toEqual(bob.limits);
    expect(asked).toHaveLength(5);
  });

  it("lets the store count the denials of a rule that blocks, and repeats the refusals of its block", async () => {
    const { store } = remoteStore();
    const block = { afterDenials: 3, duration: "1h" } as const;
    const limiter = createRateLimiter({ store, rules: { tenant: { limit: 1, window: "1m", block } } });
    await limiter.check(acme);
    const decided = [];
    for (let i = 0; i < 5; i++) decided.push(await limiter.check(acme));
    expect(decided.map(({ decidedBy }) => decidedBy)).toEqual([
      "store",
      "store",
      "store",
      "denial-cache",
      "denial-cache",
    ]);
    expect(decided.map(({ limits }) => limits[0]?.blocked)).toEqual([false, false, true, true, true]);
    expect(decided[4]?.retryAfterMs).toBeGreaterThan(3_590_000);
  });

  it("asks the store about a smaller cost, and about a larger one", async () => {
    const { store, asked } = remoteStore();
    const limiter = createRateLimiter({ store, rules });
    await usedUp(limiter, 1);
    const three = await limiter.check(acme, { cost: 3 });
    expect(three.allowed).toBe(false);
    expect(await limiter.check(acme, { cost: 2 })).toMatchObject({ allowed: true, decidedBy: "store" });
    expect(await limiter.check(acme, { cost: 4 })).toMatchObject({ decidedBy: "store", retryAfterMs: Infinity });
    expect(asked).toHaveLength(4);
  });

  it("asks again after a refund or a reset", async () => {
    const { store } = remoteStore();
    const limiter = createRateLimiter({ store, rules });
    const charged = await limiter.check(acme, { cost: 3 });
    await limiter.check(acme);
    await limiter.refund(charged, 1);
    expect(await limiter.check(acme)).toMatchObject({ allowed: true, decidedBy: "store" });
    await limiter.check(acme);
    await limiter.reset(acme);
    expect(await limiter.check(acme, { cost: 3 })).toMatchObject({ allowed: true });
  });

  it("reports the longest wait of all rules that it knows to refuse", async () => {
    const { store } = remoteStore();
    const both = { tenant: { limit: 1, window: "1m" }, hour: { limit: 1, window: "1h", by: "tenant" } } as const;
    const limiter = createRateLimiter({ store, rules: both });
    await limiter.check(acme);
    const [first, again] = [await limiter.check(acme), await limiter.check(acme)];
    expect(again).toMatchObject({ decidedBy: "denial-cache", violated: first.violated });
    expect(first.retryAfterMs - again.retryAfterMs).toBeLessThan(1000);
  });

  it("drops a refusal by a rule, whichever group it was requested with", async () => {
    const { store } = remoteStore();
    const plans = createPlanResolver({
      plans: definePlans({
        free: { rateLimit: { rules, groups: { ai: { user: { limit: 9, window: "1h" } } } } },
      }),
      lookup: () => "free",
    });
    const limiter = createRateLimiter({ store, plans });
    const ann = { ...acme, userId: "ann" };
    const charged = await limiter.check(ann, { cost: 3 });
    await limiter.check(ann, { group: "ai" });
    expect((await limiter.check(ann, { group: "ai" })).decidedBy).toBe("denial-cache");
    await limiter.refund(charged);
    expect(await limiter.check(ann, { group: "ai" })).toMatchObject({ allowed: true, decidedBy: "store" });
  });

  it("ignores a refusal that was in flight during a refund", async () => {
    const { store } = remoteStore();
    let arrive = (): void => undefined;
    const late = {
      ...store,
      consume: async (request: ConsumeRequest) => {
        const result = await store.consume(request);
        if (!result.allowed) await new Promise<void>((resolve) => (arrive = resolve));
        return result;
      },
    };
    const limiter = createRateLimiter({ store: late, rules });
    const charged = await limiter.check(acme, { cost: 3 });
    const refused = limiter.check(acme);
    await limiter.refund(charged);
    arrive();
    expect((await refused).allowed).toBe(false);
    expect((await limiter.check(acme)).allowed).toBe(true);
  });

  it("keeps tenants and users apart", async () => {
    const { store } = remoteStore();
    const limiter = createRateLimiter({ store, rules: { user: { limit: 1, window: "1h" } } });
    const check = async (tenantId: string, userId: string) => (await limiter.check({ tenantId, userId })).decidedBy;
    await check("a", "b:c");
    await check("a", "b:c");
    expect(await check("a", "b:c")).toBe("denial-cache");
    expect([await check("a:b", "c"), await check("1:a", "b"), await check("b:c", "a")]).toEqual(Array(3).fill("store"));
  });

  it("does not decide a peek, and can be turned off", async () => {
    const { store, asked } = remoteStore();
    const limiter = createRateLimiter({ store, rules, denialCacheMs: 0 });
    await usedUp(limiter, 3);
    for (let i = 0; i < 3; i++) expect((await limiter.check(acme)).decidedBy).toBe("store");
    const caching = createRateLimiter({ store, name: "other", rules });
    await caching.check(acme, { cost: 3 });
    await caching.check(acme);
    const before = asked.length;
    expect(await caching.peek(acme)).toMatchObject({ allowed: false, decidedBy: "store" });
    expect(asked.length - before).toBe(1);
  });

  it("stays bounded under ids that occur once", async () => {
    const { store } = remoteStore();
    const limiter = createRateLimiter({ store, rules: { user: { limit: 1, window: "1h" } } });
    const refused = async (i: number) => {
      await limiter.check({ tenantId: "acme", userId: `u${i}` }, { cost: 1 });
      return (await limiter.check({ tenantId: "acme", userId: `u${i}` })).decidedBy;
    };
    for (let i = 0; i < 25_000; i++) await refused(i);
    // Two generations of 10,000: the first ones are gone, the last ones are there.
    expect((await limiter.check({ tenantId: "acme", userId: "u0" })).decidedBy).toBe("store");
    expect((await limiter.check({ tenantId: "acme", userId: "u24999" })).decidedBy).toBe("denial-cache");
  });
});
