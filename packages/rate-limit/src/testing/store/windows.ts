import { describe, expect, it } from "vitest";
import {
  ask,
  charge,
  type Context,
  limitedTo,
  MINUTE_MS,
  oneRule,
  standingOf,
  tenOf,
  type WindowAlgorithm,
} from "./context.js";

/** How many windows after a unit was charged it counts no more, at the latest. */
const WINDOWS_COUNTED = { gcra: 1, "fixed-window": 1, "sliding-window": 2, "strict-window": 1.1 } as const;

/** What is the same for every algorithm that counts units per window. */
export function describeWindows(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { take, peek } = oneRule(context, rule);
  const counted = WINDOWS_COUNTED[algorithm];

  describe(`${algorithm} by itself`, () => {
    it("admits the limit and not one unit more", async () => {
      for (let left = 9; left >= 0; left--) {
        const taken = await take();
        expect({ allowed: taken.allowed, ...standingOf(taken) }).toMatchObject({
          ...{ allowed: true, remaining: left, retryAfterMs: 0 },
        });
      }
      expect(await take()).toMatchObject({ allowed: false, standings: [{ remaining: 0 }] });
    });

    it.each([1, 4, 10])("admits %i units exactly after the wait it told, not a millisecond before", async (cost) => {
      await take(10);
      const { retryAfterMs } = standingOf(await take(cost));
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(counted * MINUTE_MS);
      context.clock.advance(retryAfterMs - 1);
      expect((await take(cost)).allowed).toBe(false);
      context.clock.advance(1);
      expect((await take(cost)).allowed).toBe(true);
    });

    it("has all of the limit back exactly when it told, and never more than that", async () => {
      const { resetMs } = standingOf(await take(7));
      context.clock.advance(resetMs - 1);
      expect((await peek()).remaining).toBeLessThan(10);
      context.clock.advance(1);
      expect(await peek()).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
      context.clock.advance(100 * MINUTE_MS);
      expect([(await take(10)).allowed, (await take()).allowed]).toEqual([true, false]);
    });

    it("charges nothing for a denial", async () => {
      await take(8);
      const before = await peek();
      for (let i = 0; i < 5; i++) expect((await take(3)).allowed).toBe(false);
      expect(await peek()).toEqual(before);
      expect((await take(2)).allowed).toBe(true);
    });

    it("never admits a cost above the limit, and says so", async () => {
      const denied = await take(11);
      expect(denied).toMatchObject({
        allowed: false,
        standings: [{ remaining: 10, resetMs: 0, retryAfterMs: Infinity }],
      });
    });

    it("answers a cost of 0 without charging, as it would answer one unit", async () => {
      await take(9);
      for (let i = 0; i < 3; i++) expect(await take(0)).toMatchObject({ allowed: true, standings: [{ remaining: 1 }] });
      const one = await take(1);
      expect(one.allowed).toBe(true);
      expect(await take(0)).toEqual(await take(1));
    });

    it("admits every unit of a limit that does not divide its window, and no more", async () => {
      for (const limit of [3, 7, 11, 13, 49, 97]) {
        const odd = limitedTo({ ...rule, name: `l${limit}`, windowMs: 9_999_999 }, limit);
        let admitted = 0;
        for (let i = 0; i < limit + 3; i++) if ((await take(1, odd)).allowed) admitted++;
        expect({ limit, admitted }).toEqual({ limit, admitted: limit });
      }
    });

    it.each([1, 400 * 86_400_000])("is right for a window of %i ms", async (windowMs) => {
      const long = { ...limitedTo(rule, 2), name: `w${windowMs}`, windowMs };
      expect([(await take(2, long)).allowed, (await take(1, long)).allowed]).toEqual([true, false]);
      const { retryAfterMs, resetMs } = standingOf(await take(2, long));
      expect(Math.max(retryAfterMs, resetMs)).toBeLessThanOrEqual(Math.ceil(counted * windowMs));
      context.clock.advance(Math.max(retryAfterMs, resetMs));
      expect([(await take(2, long)).allowed, (await take(1, long)).allowed]).toEqual([true, false]);
    });

    it("keeps what was used when the limit of a rule changes", async () => {
      await take(5);
      expect((await peek(limitedTo(rule, 100))).remaining).toBe(95);
      expect((await peek(limitedTo(rule, 6))).remaining).toBe(1);
      expect((await peek(limitedTo(rule, 4))).remaining).toBe(0);
      expect((await take(5)).allowed).toBe(true);
    });

    it.each([10_000, 45_000, 3_600_000])("keeps what was used when its window becomes %i ms", async (windowMs) => {
      await take(5);
      const changed = { ...rule, windowMs };
      expect(await take(6, changed)).toMatchObject({ allowed: false, standings: [{ remaining: 5 }] });
      expect(await take(5, changed)).toMatchObject({ allowed: true, standings: [{ remaining: 0 }] });
    });

    // A bucket does not know how fast it leaked before: under a slower rule, what is stored of it leaks slower.
    const windows = algorithm === "gcra" ? [10_000, 45_000] : [10_000, 45_000, 3_600_000];
    it.each(windows)("forgets what counts no more before its window becomes %i ms", async (windowMs) => {
      const { resetMs } = standingOf(await take(5));
      context.clock.advance(resetMs);
      expect(await peek({ ...rule, windowMs })).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
    });

    it("sees in one turn what was charged under the rule as it was before", async () => {
      const larger = limitedTo(rule, 30);
      const [, , seen] = await Promise.all([take(0), take(25, larger), take(1)]);
      expect(seen).toEqual(await take(1));
      const [, , back] = await Promise.all([take(0), take(1), take(1, larger)]);
      expect(back?.statuses).toEqual((await take(0, larger)).statuses);
    });

    it("locks nobody out for longer than who used all of the smaller limit when a limit shrinks", async () => {
      await take(1000, limitedTo(rule, 1000));
      const all = { ...ask(10, charge(rule, "who used all")) };
      await context.store.consume(all);
      const denied = await context.store.consume({ ...all, cost: 1 });
      expect((await take()).statuses).toEqual(denied.statuses);
      context.clock.advance(standingOf(denied).retryAfterMs);
      expect((await take()).allowed).toBe(true);
    });
  });
}

/** What `gcra` alone does. */
export function describeGcra(context: Context): void {
  const rule = tenOf("gcra");
  const { take, peek } = oneRule(context, rule);

  it("refills unit by unit", async () => {
    await take(10);
    expect(await take()).toMatchObject({ standings: [{ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 }] });
    context.clock.advance(18_000);
    expect(await peek()).toEqual({ remaining: 3, resetMs: 42_000, retryAfterMs: 0 });
    expect(await take(5)).toMatchObject({ allowed: false, standings: [{ retryAfterMs: 12_000 }] });
  });

  it("counts whole units for limits that do not divide the window", async () => {
    const three = limitedTo({ ...rule, windowMs: 1000 }, 3);
    await take(3, three);
    expect((await peek(three)).retryAfterMs).toBe(334);
  });

  it("holds a burst that is smaller or larger than the limit", async () => {
    const small = { ...rule, name: "small", burst: 2 };
    const large = { ...rule, name: "large", burst: 30 };
    expect([(await take(3, small)).allowed, (await take(2, small)).allowed]).toEqual([false, true]);
    expect([(await take(30, large)).allowed, (await take(1, large)).allowed]).toEqual([true, false]);
  });
}

/** What `fixed-window` alone does. */
export function describeFixedWindow(context: Context): void {
  const { take, peek } = oneRule(context, tenOf("fixed-window"));

  it("has all of the limit back when the minute of the calendar ends", async () => {
    context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS) + 45_000);
    await take(10);
    expect(await take()).toMatchObject({ standings: [{ remaining: 0, resetMs: 15_000, retryAfterMs: 15_000 }] });
    context.clock.advance(15_000);
    expect((await peek()).remaining).toBe(10);
  });
}

/** What `sliding-window` alone does. */
export function describeSlidingWindow(context: Context): void {
  const rule = tenOf("sliding-window");
  const { take, peek, give } = oneRule(context, rule);
  const toNextMinute = (): void => context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS));

  it("keeps what was used in both windows when their length changes", async () => {
    await take(5);
    toNextMinute();
    await take(2);
    expect((await peek({ ...rule, windowMs: 45_000 })).remaining).toBe(3);
    context.clock.advance(MINUTE_MS);
    // Of the two windows only the later still counts.
    expect((await peek({ ...rule, windowMs: 45_000 })).remaining).toBe(8);
  });

  it("gives back to the window before what was charged in it, and nothing to it of an earlier one", async () => {
    const first = await take(4);
    toNextMinute();
    const second = await take(6);
    toNextMinute();
    await give(4, first);
    expect((await peek()).remaining).toBe(4);
    await give(5, second);
    expect((await peek()).remaining).toBe(9);
  });

  it("counts of the window before what a window's length still covers", async () => {
    context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS) + 30_000);
    await take(10);
    expect(await take()).toMatchObject({ standings: [{ resetMs: 90_000, retryAfterMs: 36_000 }] });
    context.clock.advance(60_000);
    expect(await peek()).toEqual({ remaining: 5, resetMs: 30_000, retryAfterMs: 0 });
    await take(3);
    expect(await take(4)).toMatchObject({ allowed: false, standings: [{ remaining: 2, retryAfterMs: 12_000 }] });
  });
}

/** What `strict-window` alone does. */
export function describeStrictWindow(context: Context): void {
  const { take } = oneRule(context, tenOf("strict-window"));

  it("admits no more than the limit in any window, and all of it again after a tenth more than a window", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      await take(10);
      const { retryAfterMs } = standingOf(await take(10));
      expect(retryAfterMs).toBeGreaterThan(MINUTE_MS);
      waits.push(retryAfterMs);
      context.clock.advance(retryAfterMs);
      context.clock.advance(round * 313);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.1 * MINUTE_MS);
  });
}
