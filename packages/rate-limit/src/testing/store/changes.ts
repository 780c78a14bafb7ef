import { describe, expect, it } from "vitest";
import { ask, charge, type Context, MINUTE_MS, oneRule, standingOf, tenOf, type WindowAlgorithm } from "./context.js";

/** What changes a count but a question: units that are given back or granted in advance, and a count that is forgotten. */
export function describeChanges(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { take, peek, give } = oneRule(context, rule);

  describe(`${algorithm}, given back`, () => {
    it("admits what was given back again, once", async () => {
      const taken = await take(8);
      await give(3, taken);
      expect((await peek()).remaining).toBe(5);
      expect([(await take(5)).allowed, (await take()).allowed]).toEqual([true, false]);
    });

    it("gives back what was charged a while ago", async () => {
      // At the start of a window, so that all of them still count this much later.
      context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS));
      await take(4);
      context.clock.advance(1);
      const taken = await take(6);
      context.clock.advance(12_000);
      const { remaining } = await peek();
      await give(6, taken);
      expect((await peek()).remaining).toBe(remaining + 6);
    });

    it("changes nothing for what counts no more", async () => {
      const taken = await take(6);
      context.clock.advance(standingOf(taken).resetMs);
      await take(4);
      await give(6, taken);
      expect((await peek()).remaining).toBe(6);
    });

    it("never makes more than the limit", async () => {
      const taken = await take(5);
      await give(5, taken);
      await give(5, taken);
      expect([(await take(10)).allowed, (await take()).allowed]).toEqual([true, false]);
    });

    it("changes nothing where nothing is counted", async () => {
      const taken = await take(5);
      await context.store.reset(ask(0, charge(rule)));
      await give(5, taken);
      expect(await peek()).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
    });

    it("is seen by a question of the same turn", async () => {
      const taken = await take(10);
      const [, next] = await Promise.all([give(4, taken), take(4), take(1)]);
      expect(next).toMatchObject({ allowed: true, standings: [{ remaining: 0 }] });
    });
  });

  describe(`${algorithm}, forgotten`, () => {
    it("has the whole limit back, and others have not", async () => {
      const both = ask(10, charge(rule), charge(rule, "other"));
      await context.store.consume(both);
      await context.store.reset(ask(0, charge(rule)));
      const { statuses } = await context.store.consume({ ...both, cost: 0 });
      expect(statuses.map(({ remaining, resetMs }) => [remaining, resetMs > 0])).toEqual([
        [10, false],
        [0, true],
      ]);
    });
  });

  describe(`${algorithm}, granted in advance`, () => {
    const wanting = (cost: number, want: number) => ask(cost, { ...charge(rule), want });

    it("charges what it grants, as many as there are", async () => {
      expect(standingOf(await context.store.consume(wanting(2, 3)))).toMatchObject({ remaining: 5, granted: 3 });
      expect(standingOf(await context.store.consume(wanting(1, 100)))).toMatchObject({ remaining: 0, granted: 4 });
      expect((await take()).allowed).toBe(false);
    });

    it("grants nothing with a denial, with a cost of 0, and to who wants nothing", async () => {
      await take(8);
      expect(standingOf(await context.store.consume(wanting(3, 2)))).toMatchObject({ remaining: 2, granted: 0 });
      expect(standingOf(await context.store.consume(wanting(0, 2)))).toMatchObject({ remaining: 2, granted: 0 });
      expect(standingOf(await context.store.consume(wanting(1, 0)))).toMatchObject({ remaining: 1, granted: 0 });
      expect(standingOf(await take())).not.toHaveProperty("granted");
    });
  });
}
