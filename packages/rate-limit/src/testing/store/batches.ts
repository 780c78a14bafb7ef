import type { RateLimitRule } from "@scale/core";
import { describe, expect, it } from "vitest";
import type { ConsumeRequest, ConsumeResult } from "../../types.js";
import { request, charge, type Context, limitedTo, statusOf, tenOf, threePerSecond } from "./context.js";

const remaining = ({ statuses }: ConsumeResult): number[] => statuses.map((status) => status.remaining);
const refusals = ({ statuses }: ConsumeResult): boolean[] => statuses.map(({ retryAfterMs }) => retryAfterMs > 0);

/** Requests with rules of different algorithms. */
export function describeMixedAlgorithms(context: Context, algorithms: readonly RateLimitRule["algorithm"][]): void {
  const rules = algorithms.map((algorithm) => tenOf(algorithm));
  const all = (cost: number, slot = ""): ConsumeRequest => ({
    ...request(cost, ...rules.map((rule) => charge(rule))),
    slot,
  });
  const left = (used: { units: number; slots: number }): number[] =>
    algorithms.map((algorithm) => 10 - (algorithm === "concurrency" ? used.slots : used.units));

  describe(`${algorithms.join(", ")} in one request`, () => {
    it("charges all of them", async () => {
      await context.store.consume(all(3, "a"));
      const result = await context.store.consume(all(3, "b"));
      expect({ allowed: result.allowed, left: remaining(result) }).toEqual({
        allowed: true,
        left: left({ units: 6, slots: 2 }),
      });
    });

    it.each(algorithms)("charges none of them when %s refuses, at any position", async (refusing) => {
      const full = { ...limitedTo(tenOf(refusing), 1), name: "full" };
      await context.store.consume({ ...request(1, charge(full)), slot: "first" });
      const before = await context.store.consume(all(0));
      for (const at of [0, Math.floor(rules.length / 2), rules.length]) {
        const charges = rules.map((rule) => charge(rule)).toSpliced(at, 0, charge(full));
        const denied = await context.store.consume({ ...request(1, ...charges), slot: "second" });
        expect(denied.allowed).toBe(false);
        expect(refusals(denied)).toEqual(charges.map((_, i) => i === at));
        expect(denied.statuses.toSpliced(at, 1)).toEqual(before.statuses);
      }
      expect((await context.store.consume(all(0))).statuses).toEqual(before.statuses);
    });

    it("decides the requests of one turn one after the other", async () => {
      const costs = [4, 4, 4, 2, 1];
      const answers = await Promise.all(costs.map((cost, i) => context.store.consume(all(cost, `slot-${i}`))));
      const fits = algorithms.some((each) => each !== "concurrency")
        ? [true, true, false, true, false]
        : costs.map(() => true);
      expect(answers.map(({ allowed }) => allowed)).toEqual(fits);
    });

    it("refunds the units of all of them, but no slot, and resets all of them", async () => {
      const { charges } = all(0);
      const consumed = await context.store.consume(all(6, "a"));
      await context.store.refund({ tenantId: "acme", units: 2, charges, consumed });
      expect(remaining(await context.store.consume(all(0)))).toEqual(left({ units: 4, slots: 1 }));
      await context.store.reset({ tenantId: "acme", charges });
      expect(remaining(await context.store.consume(all(0)))).toEqual(left({ units: 0, slots: 0 }));
    });
  });
}

/** A rule in shadow together with a rule that is not. */
export function describeShadow(context: Context, algorithm: RateLimitRule["algorithm"]): void {
  const usual = tenOf(algorithm);
  // The first request takes two of the three units, or the only slot.
  const limit = algorithm === "concurrency" ? 1 : 3;
  const shadow = { ...limitedTo(usual, limit), name: "shadow", shadow: true };
  const full = { ...limitedTo(usual, 1), name: "full" };
  const both = (slot: string): ConsumeRequest => ({ ...request(2, charge(shadow), charge(usual)), slot });
  const peek = async (): Promise<number> => statusOf(await context.store.consume(request(0, charge(shadow)))).remaining;

  describe(`${algorithm} in shadow`, () => {
    it("reports a refusal, and neither denies nor is charged itself", async () => {
      const isSlots = algorithm === "concurrency";
      expect(remaining(await context.store.consume(both("a")))).toEqual(isSlots ? [0, 9] : [1, 8]);
      const second = await context.store.consume(both("b"));
      expect({ allowed: second.allowed, refusals: refusals(second) }).toEqual({
        allowed: true,
        refusals: [true, false],
      });
      expect(remaining(second)).toEqual(isSlots ? [0, 8] : [1, 6]);
      if (isSlots) await context.store.release({ tenantId: "acme", slot: "a", charges: [charge(shadow)] });
      expect(await peek()).toBe(1);
    });

    it("is not charged for a request that another rule refuses", async () => {
      await context.store.consume({ ...request(1, charge(full)), slot: "first" });
      const denied = await context.store.consume({ ...request(1, charge(shadow), charge(full)), slot: "second" });
      expect({ allowed: denied.allowed, remaining: remaining(denied) }).toEqual({
        allowed: false,
        remaining: [limit, 0],
      });
      expect(await peek()).toBe(limit);
    });
  });
}

/** Concurrent requests of different users, under one algorithm that counts units. */
export function describeConcurrentRequests(context: Context, algorithm: RateLimitRule["algorithm"]): void {
  const perMinute = tenOf(algorithm);
  const perSecond = { ...threePerSecond, algorithm };
  const both = (cost: number, user: string): ConsumeRequest =>
    request(cost, charge(perMinute), charge(perSecond, user));

  describe(`${algorithm} for many users at once`, () => {
    it("charges all rules or none", async () => {
      expect((await context.store.consume(both(3, "ann"))).allowed).toBe(true);
      for (let i = 0; i < 20; i++) expect((await context.store.consume(both(1, "ann"))).allowed).toBe(false);
      expect(remaining(await context.store.consume(both(1, "bob")))).toEqual([6, 2]);
    });

    it("reports each rule's own wait", async () => {
      await context.store.consume(both(3, "ann"));
      expect(refusals(await context.store.consume(both(1, "ann")))).toEqual([false, true]);
    });

    it("decides as if they came one after the other", async () => {
      const asked = Array.from({ length: 40 }, (_, i) => context.store.consume(both(1, `user-${i % 20}`)));
      expect((await Promise.all(asked)).map(({ allowed }) => allowed)).toEqual(asked.map((_, i) => i < 10));
    });

    it("mixes costs, rules and requests with a cost of 0", async () => {
      const one = (cost: number): ConsumeRequest => request(cost, charge(perMinute));
      const asked = [one(4), one(0), one(6), both(1, "ann"), one(0)].map((request) => context.store.consume(request));
      const answers = await Promise.all(asked);
      expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, true, false, false]);
      expect(answers.map(remaining)).toEqual([[6], [6], [0], [0, 3], [0]]);
    });
  });
}
