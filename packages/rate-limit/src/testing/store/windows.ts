import { describe, expect, it } from "vitest";
import {
  request,
  charge,
  type Context,
  limitedTo,
  MINUTE_MS,
  oneRule,
  statusOf,
  tenOf,
  type WindowAlgorithm,
} from "./context.js";

/** Windows after which a charged unit no longer counts, at the latest. */
const WINDOWS_COUNTED = { gcra: 1, "fixed-window": 1, "sliding-window": 2, "strict-window": 1.1 } as const;

/** Behaviour shared by every algorithm that counts units per window. */
export function describeWindows(context: Context, algorithm: WindowAlgorithm): void {
  describe(`${algorithm} by itself`, () => {
    testLimit(context, algorithm);
    testCosts(context, algorithm);
    testRuleChanges(context, algorithm);
    testRuleChangesAtOnce(context, algorithm);
  });
}

function testLimit(context: Context, algorithm: WindowAlgorithm): void {
  const { consume, peek } = oneRule(context, tenOf(algorithm));
  const counted = WINDOWS_COUNTED[algorithm];

  it("admits the limit and not one unit more", async () => {
    for (let left = 9; left >= 0; left--) {
      const result = await consume();
      expect({ allowed: result.allowed, ...statusOf(result) }).toMatchObject({
        ...{ allowed: true, remaining: left, retryAfterMs: 0 },
      });
    }
    expect(await consume()).toMatchObject({ allowed: false, statuses: [{ remaining: 0 }] });
  });

  it.each([1, 4, 10])("admits %i units exactly after the reported wait, not a millisecond before", async (cost) => {
    await consume(10);
    const { retryAfterMs } = statusOf(await consume(cost));
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(counted * MINUTE_MS);
    context.clock.advance(retryAfterMs - 1);
    expect((await consume(cost)).allowed).toBe(false);
    context.clock.advance(1);
    expect((await consume(cost)).allowed).toBe(true);
  });

  it("has its whole limit again exactly at the reported time, and never more", async () => {
    const { resetMs } = statusOf(await consume(7));
    context.clock.advance(resetMs - 1);
    expect((await peek()).remaining).toBeLessThan(10);
    context.clock.advance(1);
    expect(await peek()).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
    context.clock.advance(100 * MINUTE_MS);
    expect([(await consume(10)).allowed, (await consume()).allowed]).toEqual([true, false]);
  });

  it("charges nothing for a denial", async () => {
    await consume(8);
    const before = await peek();
    for (let i = 0; i < 5; i++) expect((await consume(3)).allowed).toBe(false);
    expect(await peek()).toEqual(before);
    expect((await consume(2)).allowed).toBe(true);
  });
}

function testCosts(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume } = oneRule(context, rule);
  const counted = WINDOWS_COUNTED[algorithm];

  it("never admits a cost above the limit, and reports an infinite wait", async () => {
    const denied = await consume(11);
    expect(denied).toMatchObject({
      allowed: false,
      statuses: [{ remaining: 10, resetMs: 0, retryAfterMs: Infinity }],
    });
  });

  it("decides a cost of 0 as it would decide one unit, without a charge", async () => {
    await consume(9);
    for (let i = 0; i < 3; i++) expect(await consume(0)).toMatchObject({ allowed: true, statuses: [{ remaining: 1 }] });
    const one = await consume(1);
    expect(one.allowed).toBe(true);
    expect(await consume(0)).toEqual(await consume(1));
  });

  it("admits every unit of a limit that does not divide its window, and no more", async () => {
    for (const limit of [3, 7, 11, 13, 49, 97]) {
      const odd = limitedTo({ ...rule, name: `l${limit}`, windowMs: 9_999_999 }, limit);
      let admitted = 0;
      for (let i = 0; i < limit + 3; i++) if ((await consume(1, odd)).allowed) admitted++;
      expect({ limit, admitted }).toEqual({ limit, admitted: limit });
    }
  });

  it.each([1, 400 * 86_400_000])("is right for a window of %i ms", async (windowMs) => {
    const long = { ...limitedTo(rule, 2), name: `w${windowMs}`, windowMs };
    expect([(await consume(2, long)).allowed, (await consume(1, long)).allowed]).toEqual([true, false]);
    const { retryAfterMs, resetMs } = statusOf(await consume(2, long));
    expect(Math.max(retryAfterMs, resetMs)).toBeLessThanOrEqual(Math.ceil(counted * windowMs));
    context.clock.advance(Math.max(retryAfterMs, resetMs));
    expect([(await consume(2, long)).allowed, (await consume(1, long)).allowed]).toEqual([true, false]);
  });
}

function testRuleChanges(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume, peek } = oneRule(context, rule);

  it("keeps the usage when the limit of a rule changes", async () => {
    await consume(5);
    expect((await peek(limitedTo(rule, 100))).remaining).toBe(95);
    expect((await peek(limitedTo(rule, 6))).remaining).toBe(1);
    expect((await peek(limitedTo(rule, 4))).remaining).toBe(0);
    expect((await consume(5)).allowed).toBe(true);
  });

  it.each([10_000, 45_000, 3_600_000])("keeps the usage when its window becomes %i ms", async (windowMs) => {
    await consume(5);
    const changed = { ...rule, windowMs };
    expect(await consume(6, changed)).toMatchObject({ allowed: false, statuses: [{ remaining: 5 }] });
    expect(await consume(5, changed)).toMatchObject({ allowed: true, statuses: [{ remaining: 0 }] });
  });

  // A bucket does not store how fast it leaked before. Under a slower rule, its old level leaks slower.
  const windows = algorithm === "gcra" ? [10_000, 45_000] : [10_000, 45_000, 3_600_000];
  it.each(windows)("drops usage that no longer counts before its window becomes %i ms", async (windowMs) => {
    const { resetMs } = statusOf(await consume(5));
    context.clock.advance(resetMs);
    expect(await peek({ ...rule, windowMs })).toEqual({ remaining: 10, resetMs: 0, retryAfterMs: 0 });
  });
}

function testRuleChangesAtOnce(context: Context, algorithm: WindowAlgorithm): void {
  const rule = tenOf(algorithm);
  const { consume } = oneRule(context, rule);

  it("sees in one turn the charges under the earlier form of the rule", async () => {
    const larger = limitedTo(rule, 30);
    const [, , seen] = await Promise.all([consume(0), consume(25, larger), consume(1)]);
    expect(seen).toEqual(await consume(1));
    const [, , back] = await Promise.all([consume(0), consume(1), consume(1, larger)]);
    expect(back?.statuses).toEqual((await consume(0, larger)).statuses);
  });

  it("locks out a subject no longer than full usage of the smaller limit would, when a limit shrinks", async () => {
    await consume(1000, limitedTo(rule, 1000));
    const all = { ...request(10, charge(rule, "used up")) };
    await context.store.consume(all);
    const denied = await context.store.consume({ ...all, cost: 1 });
    expect((await consume()).statuses).toEqual(denied.statuses);
    context.clock.advance(statusOf(denied).retryAfterMs);
    expect((await consume()).allowed).toBe(true);
  });
}

/** Behaviour of `gcra` alone. */
export function describeGcra(context: Context): void {
  const rule = tenOf("gcra");
  const { consume, peek } = oneRule(context, rule);

  it("refills unit by unit", async () => {
    await consume(10);
    expect(await consume()).toMatchObject({ statuses: [{ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 }] });
    context.clock.advance(18_000);
    expect(await peek()).toEqual({ remaining: 3, resetMs: 42_000, retryAfterMs: 0 });
    expect(await consume(5)).toMatchObject({ allowed: false, statuses: [{ retryAfterMs: 12_000 }] });
  });

  it("counts whole units for limits that do not divide the window", async () => {
    const three = limitedTo({ ...rule, windowMs: 1000 }, 3);
    await consume(3, three);
    expect((await peek(three)).retryAfterMs).toBe(334);
  });

  it("holds a burst that is smaller or larger than the limit", async () => {
    const small = { ...rule, name: "small", burst: 2 };
    const large = { ...rule, name: "large", burst: 30 };
    expect([(await consume(3, small)).allowed, (await consume(2, small)).allowed]).toEqual([false, true]);
    expect([(await consume(30, large)).allowed, (await consume(1, large)).allowed]).toEqual([true, false]);
  });
}

/** Behaviour of `fixed-window` alone. */
export function describeFixedWindow(context: Context): void {
  const { consume, peek } = oneRule(context, tenOf("fixed-window"));

  it("has its whole limit again when the calendar minute ends", async () => {
    context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS) + 45_000);
    await consume(10);
    expect(await consume()).toMatchObject({ statuses: [{ remaining: 0, resetMs: 15_000, retryAfterMs: 15_000 }] });
    context.clock.advance(15_000);
    expect((await peek()).remaining).toBe(10);
  });
}

/** Behaviour of `sliding-window` alone. */
export function describeSlidingWindow(context: Context): void {
  const rule = tenOf("sliding-window");
  const { consume, peek, refund } = oneRule(context, rule);
  const toNextMinute = (): void => context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS));

  it("keeps the usage of both windows when their length changes", async () => {
    await consume(5);
    toNextMinute();
    await consume(2);
    expect((await peek({ ...rule, windowMs: 45_000 })).remaining).toBe(3);
    context.clock.advance(MINUTE_MS);
    // Only the later of the two windows still counts.
    expect((await peek({ ...rule, windowMs: 45_000 })).remaining).toBe(8);
  });

  it("refunds the previous window for its own charges, and not for those of an earlier window", async () => {
    const first = await consume(4);
    toNextMinute();
    const second = await consume(6);
    toNextMinute();
    await refund(4, first);
    expect((await peek()).remaining).toBe(4);
    await refund(5, second);
    expect((await peek()).remaining).toBe(9);
  });

  it("counts the share of the previous window that a sliding window still covers", async () => {
    context.clock.advance(MINUTE_MS - (context.clock.now() % MINUTE_MS) + 30_000);
    await consume(10);
    expect(await consume()).toMatchObject({ statuses: [{ resetMs: 90_000, retryAfterMs: 36_000 }] });
    context.clock.advance(60_000);
    expect(await peek()).toEqual({ remaining: 5, resetMs: 30_000, retryAfterMs: 0 });
    await consume(3);
    expect(await consume(4)).toMatchObject({ allowed: false, statuses: [{ remaining: 2, retryAfterMs: 12_000 }] });
  });
}

/** Behaviour of `strict-window` alone. */
export function describeStrictWindow(context: Context): void {
  const { consume } = oneRule(context, tenOf("strict-window"));

  it("admits no more than the limit in any window, and all of it again after a tenth more than a window", async () => {
    const waits: number[] = [];
    for (let round = 0; round < 20; round++) {
      await consume(10);
      const { retryAfterMs } = statusOf(await consume(10));
      expect(retryAfterMs).toBeGreaterThan(MINUTE_MS);
      waits.push(retryAfterMs);
      context.clock.advance(retryAfterMs);
      context.clock.advance(round * 313);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.1 * MINUTE_MS);
  });
}
