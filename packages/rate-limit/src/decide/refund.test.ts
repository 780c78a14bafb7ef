import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { storeWith } from "../../test/store-with.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const acme = { tenantId: "acme", userId: "ann" };
const rules = {
  tenant: { limit: 10, window: "1m" },
  user: { limit: 5, window: "1m", algorithm: "fixed-window", whenSubjectMissing: "skip" },
} as const;
const setup = () => {
  const clock = createManualClock();
  return { clock, limiter: createRateLimiter({ rules, store: memoryStore({ clock }) }) };
};
const remaining = async (limiter: ReturnType<typeof createRateLimiter>): Promise<number[]> =>
  (await limiter.peek(acme)).limits.map((limit) => limit.remaining);

describe("refund", () => {
  it("refunds every rule that a decision charged", async () => {
    const { limiter } = setup();
    const decision = await limiter.check(acme, { cost: 5 });
    expect(await remaining(limiter)).toEqual([5, 0]);
    await limiter.refund(decision);
    expect(await remaining(limiter)).toEqual([10, 5]);
  });

  it("refunds a part, and never more than was charged", async () => {
    const { limiter } = setup();
    const decision = await limiter.check(acme, { cost: 5 });
    await limiter.refund(decision, 2);
    expect(await remaining(limiter)).toEqual([7, 2]);
    await expect(limiter.refund(decision, 4)).rejects.toThrow(/up to 3, got 4/);
    await limiter.refund(decision);
    await limiter.refund(decision);
    expect(await remaining(limiter)).toEqual([10, 5]);
  });

  it("refunds nothing that no longer counts", async () => {
    const { clock, limiter } = setup();
    const decision = await limiter.check(acme, { cost: 5 });
    clock.advance(60_000);
    await limiter.check(acme, { cost: 5 });
    await limiter.refund(decision);
    expect(await remaining(limiter)).toEqual([5, 0]);
  });

  it("refunds nothing for a denial", async () => {
    const { limiter } = setup();
    const denied = await limiter.check(acme, { cost: 6 });
    await limiter.refund(denied);
    await expect(limiter.refund(denied, 1)).rejects.toThrow(TypeError);
  });

  it("refunds in parts the same as at once", async () => {
    const used = [];
    for (const parts of [[4], [2, 2], [1, 1, 1, 1]]) {
      const { clock, limiter } = setup();
      const decision = await limiter.check({ tenantId: "acme" }, { cost: 10 });
      clock.advance(36_000);
      for (const units of parts) await limiter.refund(decision, units);
      used.push((await limiter.peek({ tenantId: "acme" })).limits[0]?.remaining);
    }
    expect(used).toEqual([10, 10, 10]);
    const { clock, limiter } = setup();
    const first = await limiter.check({ tenantId: "acme" }, { cost: 5 });
    await limiter.check({ tenantId: "acme" }, { cost: 5 });
    clock.advance(18_000);
    // Two units of the first decision are left in the bucket. The others have leaked, first in, first out.
    await limiter.refund(first, 2);
    await limiter.refund(first, 2);
    expect((await limiter.peek({ tenantId: "acme" })).limits[0]?.remaining).toBe(5);
  });

  it("refunds nothing to a rule in shadow that was not charged", async () => {
    const shadow = { limit: 4, window: "1h", algorithm: "fixed-window", by: "tenant", shadow: true } as const;
    const limiter = createRateLimiter({ rules: { ...rules, shadow } });
    await limiter.check(acme, { cost: 4 });
    const decision = await limiter.check({ tenantId: "acme", userId: "bob" }, { cost: 4 });
    expect(decision.shadowed).toEqual(["shadow"]);
    await limiter.refund(decision);
    expect((await limiter.peek(acme)).limits[2]?.remaining).toBe(0);
  });

  it("can be retried when the store did not answer", async () => {
    const memory = memoryStore();
    let isDown = true;
    const give = (...args: Parameters<typeof memory.refund>) =>
      isDown ? Promise.reject(new Error("down")) : memory.refund(...args);
    const limiter = createRateLimiter({
      rules,
      store: storeWith((request) => memory.consume(request), { refund: give }),
    });
    const decision = await limiter.check(acme, { cost: 3 });
    await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "SCALE_STORE" });
    isDown = false;
    await limiter.refund(decision);
    expect(await remaining(limiter)).toEqual([10, 5]);
  });

  it("throws for a decision of another limiter", async () => {
    const decision = await createRateLimiter({ name: "other", rules }).check(acme);
    await expect(setup().limiter.refund(decision)).rejects.toThrow(/expected a decision of limiter "api"/);
  });

  it("throws for a decision that a limiter did not make", async () => {
    const { limiter } = setup();
    const decision = await limiter.check(acme);
    await expect(limiter.refund({ ...decision, cost: 1000 })).rejects.toThrow(/expected a decision of limiter "api"/);
  });

  it("rejects when the store cannot answer", async () => {
    const memory = memoryStore();
    const store = storeWith((request) => memory.consume(request), { refund: () => Promise.reject(new Error("down")) });
    const limiter = createRateLimiter({ rules, store });
    const decision = await limiter.check(acme);
    await expect(limiter.refund(decision)).rejects.toMatchObject({ code: "SCALE_STORE" });
  });
});

describe("reset", () => {
  it("deletes the counts of a subject under its rules, and no others", async () => {
    const { limiter } = setup();
    const bob = { tenantId: "acme", userId: "bob" };
    await limiter.check(acme, { cost: 5 });
    await limiter.check(bob, { cost: 2 });
    await limiter.reset(acme);
    expect(await remaining(limiter)).toEqual([10, 5]);
    expect((await limiter.peek(bob)).limits[1]?.remaining).toBe(3);
  });
});

describe("peek", () => {
  it("reports the status of the rules, and charges nothing", async () => {
    const { limiter } = setup();
    await limiter.check(acme, { cost: 5 });
    for (let i = 0; i < 3; i++) expect(await remaining(limiter)).toEqual([5, 0]);
    expect(await limiter.peek(acme)).toMatchObject({ allowed: false, violated: ["user"], cost: 0 });
  });
});
