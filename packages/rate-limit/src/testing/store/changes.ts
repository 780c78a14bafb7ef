import { describe, expect, it } from "vitest";
import { request, charge, type Context, MINUTE_MS, oneRule, statusOf, tenOf, type WindowAlgorithm } from "./context.js";

/** Refunds, resets, and units that are granted in advance. */
export function describeChanges(context: Context, algorithm: WindowAlgorithm): void {
  describeRefund(context, algorithm);
  describeReset(context, algorithm);
  describeGrants(context, algorithm);
}

function describeRefund(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume, peek, refund } = oneRule(context, rule);

  describe(`${algorithm}, refunded`, () => {
    it("admits refunded units again, once", async () => {
      const result = await consume(8);
      await refund(3, result);
      expect((await peek()).remaining).toBe(5);
      expect([(await consume(5)).allowed, (await consume()).allowed]).toEqual([true, false]);
    });

    it("refunds units that were charged a while ago", async () => {
      // At the start of a window, so that all of them still count this much later.
      context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS));
      await consume(4);
      context.clock.advance(1);
      const result = await consume(6);
      context.clock.advance(12_000);
      const { remaining } = await peek();
      await refund(6, result);
      expect((await peek()).remaining).toBe(remaining + 6);
    });

    it("changes nothing for units that no longer count", async () => {
      const result = await consume(6);
      context.clock.advance(statusOf(result).resetMs);
      await consume(4);
      await refund(6, result);
      expect((await peek()).remaining).toBe(6);
    });

    it("never makes more than the limit", async () => {
      const result = await consume(5);
      await refund(5, result);
      await refund(5, result);
      expect([(await consume(10)).allowed, (await consume()).allowed]).toEqual([true, false]);
    });

    it("changes nothing when there is no count", async () => {
      const result = await consume(5);
      await context.store.reset(request(0, charge(rule)));
      await refund(5, result);
      expect(await peek()).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
    });

    it("is seen by a request of the same turn", async () => {
      const result = await consume(10);
      const [, next] = await Promise.all([refund(4, result), consume(4), consume(1)]);
      expect(next).toMatchObject({ allowed: true, statuses: [{ remaining: 0 }] });
    });
  });
}

function describeReset(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);

  describe(`${algorithm}, reset`, () => {
    it("has its whole limit again, and other subjects do not", async () => {
      const both = request(10, charge(rule), charge(rule, "other"));
      await context.store.consume(both);
      await context.store.reset(request(0, charge(rule)));
      const { statuses } = await context.store.consume({ ...both, cost: 0 });
      expect(statuses.map(({ remaining, resetMs }) => [remaining, resetMs > 0])).toEqual([
        [10, false],
        [0, true],
      ]);
    });
  });
}

function describeGrants(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume } = oneRule(context, rule);

  describe(`${algorithm}, granted in advance`, () => {
    const wanting = (cost: number, want: number) => request(cost, { ...charge(rule), want });

    it("charges the units it grants, as many as are left", async () => {
      expect(statusOf(await context.store.consume(wanting(2, 3)))).toMatchObject({ remaining: 5, granted: 3 });
      expect(statusOf(await context.store.consume(wanting(1, 100)))).toMatchObject({ remaining: 0, granted: 4 });
      expect((await consume()).allowed).toBe(false);
    });

    it("grants nothing with a denial, with a cost of 0, and when nothing is wanted", async () => {
      await consume(8);
      expect(statusOf(await context.store.consume(wanting(3, 2)))).toMatchObject({ remaining: 2, granted: 0 });
      expect(statusOf(await context.store.consume(wanting(0, 2)))).toMatchObject({ remaining: 2, granted: 0 });
      expect(statusOf(await context.store.consume(wanting(1, 0)))).toMatchObject({ remaining: 1, granted: 0 });
      expect(statusOf(await consume())).not.toHaveProperty("granted");
    });
  });
}
