import { describe, expect, it } from "vitest";
import { request, charge, type Context, MINUTE_MS, oneRule, statusOf, tenOf, type WindowAlgorithm } from "./context.js";

/** Refunds, resets, and units that are granted in advance. */
export function describeChanges(context: Context, algorithm: WindowAlgorithm): void {
  describeRefund(context, algorithm);
  describeRefundIds(context, algorithm);
  describeReset(context, algorithm);
  describeGrants(context, algorithm);
  describeForce(context, algorithm);
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

function describeRefundIds(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume, peek } = oneRule(context, rule);

  it(`applies a refund of ${algorithm} once for each id, and for each tenant`, async () => {
    const again = { tenantId: "acme", units: 2, charges: [charge(rule)], consumed: await consume(8) };
    await context.store.refund({ ...again, id: "a" });
    await Promise.all([context.store.refund({ ...again, id: "a" }), context.store.refund({ ...again, id: "a" })]);
    expect((await peek()).remaining).toBe(4);
    await context.store.refund({ ...again, id: "a", tenantId: "other" });
    await context.store.refund({ ...again, id: "b" });
    expect((await peek()).remaining).toBe(6);
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

function describeForce(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume, peek, refund } = oneRule(context, rule);
  const force = async (cost: number, id: string) =>
    context.store.consume({ ...request(cost, charge(rule)), force: { id } });

  describe(`${algorithm}, charged beyond its limit`, () => {
    it("admits the charge, and nothing else until the usage is below the limit again", async () => {
      await consume(8);
      expect(await force(5, "a")).toMatchObject({ allowed: true, statuses: [{ remaining: 0, retryAfterMs: 0 }] });
      const { retryAfterMs } = statusOf(await consume());
      expect(retryAfterMs).toBeGreaterThan(0);
      context.clock.advance(retryAfterMs - 1);
      expect((await consume()).allowed).toBe(false);
      context.clock.advance(1);
      expect((await consume()).allowed).toBe(true);
    });

    it("is charged once for each id", async () => {
      await force(3, "a");
      const [again] = await Promise.all([force(3, "a"), force(3, "a"), force(1, "b")]);
      expect(again).toMatchObject({ allowed: true, statuses: [{ remaining: 7 }] });
      expect((await peek()).remaining).toBe(6);
    });

    it("charges also where it fits, and can be refunded", async () => {
      const forced = await force(4, "a");
      expect(statusOf(forced)).toMatchObject({ remaining: 6, retryAfterMs: 0 });
      await refund(4, forced);
      expect(await peek()).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
    });

    it("charges nothing for a cost of 0", async () => {
      expect(await force(0, "a")).toMatchObject({ allowed: true, statuses: [{ remaining: 10 }] });
      expect((await peek()).remaining).toBe(10);
    });
  });
}
