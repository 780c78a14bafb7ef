import { createPlanResolver, definePlans, saas4 } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { remoteStore } from "../test/store-with.js";
import { createRateLimiter } from "./limiter.js";
import { memoryStore } from "./memory/store.js";

const SEED = 20_261_120;
const acme = { tenantId: "acme" };

describe("checkNow", () => {
  it(`answers as check does, over one rule and over several (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const clock = createManualClock();
    const rule = { limit: 7, window: "9s", burst: 11 } as const;
    for (const rules of [{ tenant: rule }, { user: rule }, { tenant: rule, user: { ...rule, limit: 3 } }]) {
      const [now, later] = [0, 1].map(() => createRateLimiter({ rules, store: memoryStore({ clock }) }));
      if (now === undefined || later === undefined) throw new Error("no limiters");
      for (let i = 0; i < 2000; i++) {
        clock.advance(random() < 0.2 ? random() * 4000 : random() * 300);
        const subject = { tenantId: `t${Math.floor(random() * 3)}`, userId: `u${Math.floor(random() * 3)}` };
        const options = { cost: Math.floor(random() * 4) };
        expect(now.checkNow(subject, options)).toEqual(await later.check(subject, options));
      }
    }
  });

  it("admits after a change to a smaller plan when check does", async () => {
    const sized = (limit: number) =>
      definePlans({ one: { rateLimit: { rules: { tenant: { limit, window: "15m" } } } } });
    const clock = createManualClock();
    const [now, later] = [0, 1].map(() => {
      const plans = createPlanResolver({ plans: sized(20_000), lookup: () => "one" });
      return { plans, limiter: createRateLimiter({ plans, store: memoryStore({ clock }) }) };
    });
    if (now === undefined || later === undefined) throw new Error("no limiters");
    for (const { plans, limiter } of [now, later]) {
      await limiter.check(acme, { cost: 20_000 });
      plans.replace(sized(500));
    }
    const admitted = [];
    for (let i = 0; i < 5; i++) {
      const decision = now.limiter.checkNow(acme);
      expect(decision).toEqual(await later.limiter.check(acme));
      admitted.push(decision?.allowed);
      clock.advance(900);
    }
    expect(admitted).toEqual([false, false, true, false, true]);
  });

  it("answers nothing where a plan must be looked up, and leaves no rejection behind", async () => {
    const plans = createPlanResolver({ plans: saas4, lookup: () => Promise.reject(new Error("down")) });
    const limiter = createRateLimiter({ plans });
    // Each of its own: `check` of the same tenant would share the look-up, and take its failure.
    expect(limiter.checkNow({ tenantId: "a" })).toBeUndefined();
    expect(limiter.checkNow({ tenantId: "b" }, { group: "ai" })).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    await expect(limiter.check(acme)).rejects.toMatchObject({ code: "SCALE_PLAN" });
  });

  it("gives back what it charged", async () => {
    const limiter = createRateLimiter({ rules: { tenant: { limit: 5, window: "1h" } } });
    const decision = limiter.checkNow(acme, { cost: 5 });
    if (decision === undefined) throw new Error("not decided");
    await limiter.refund(decision, 2);
    expect((await limiter.peek(acme)).limits[0]?.remaining).toBe(2);
    await expect(limiter.refund(decision, 4)).rejects.toThrow(/up to 3, got 4/);
  });

  it("counts what check counts", async () => {
    const limiter = createRateLimiter({ rules: { tenant: { limit: 2, window: "1h" } } });
    limiter.checkNow(acme);
    await limiter.check(acme);
    expect(limiter.checkNow(acme)).toMatchObject({ allowed: false, violated: ["tenant"], decidedBy: "store" });
  });

  it("refuses a store that answers later, a wrong cost and a wrong subject as check does", async () => {
    const rules = { tenant: { limit: 2, window: "1h" } } as const;
    const remote = createRateLimiter({ rules, store: remoteStore().store });
    expect(() => remote.checkNow(acme)).toThrow(/does not answer at once/);
    const limiter = createRateLimiter({ rules });
    for (const cost of [-1, 1.5, Number.NaN]) expect(() => limiter.checkNow(acme, { cost })).toThrow(TypeError);
    expect(() => limiter.checkNow({ tenantId: "" })).toThrow(/tenantId/);
    expect(() => limiter.checkNow({})).toThrow(/ip: expected/);
  });
});
