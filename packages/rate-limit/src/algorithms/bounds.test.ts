import type { RateLimitRule } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attack, flood } from "../../scenarios/adversary.js";
import { type Admitted, worstExcess, worstIn } from "../../scenarios/exact-log.js";
import { MemoryCounters } from "../memory/counters.js";
import { ruleOf } from "../testing/rule.js";
import type { ConsumeRequest, ConsumeResult } from "../types.js";

const SEED = 20_261_120;
fc.configureGlobal({ seed: SEED, numRuns: 500 });

/** Per step: milliseconds to wait, units to ask for, and the index of an earlier admission to refund. */
const schedule = fc.array(fc.tuple(fc.oneof(fc.nat(600), fc.nat(40), fc.nat(2)), fc.nat(12), fc.nat(20)), {
  maxLength: 150,
});
const limits = fc.integer({ min: 1, max: 30 });
// Windows that are not divisible by ten have parts longer than a tenth.
const windows = fc.constantFrom(1, 3, 10, 333, 977, 1000, 1001);

interface Case {
  readonly rule: RateLimitRule;
  readonly steps: readonly (readonly [number, number, number])[];
  /** True when units are refunded. The bound must then hold for the rest of the log. */
  readonly gives: boolean;
}

function logOf({ rule, steps, gives }: Case): Admitted[] {
  const clock = createManualClock();
  const counters = new MemoryCounters({ clock, maxKeys: 10 });
  const charges = [{ rule, scope: ["api"], subject: "acme" }];
  const log: (Admitted & { readonly result: ConsumeResult })[] = [];
  for (const [gap, cost, back] of steps) {
    clock.advance(gap);
    const result = counters.consume({ tenantId: "acme", cost, charges } satisfies ConsumeRequest);
    if (result.allowed && cost > 0) log.push({ atMs: clock.monotonic(), units: cost, result });
    const past = log.at(-1 - back);
    if (!gives || past === undefined || past.units === 0) continue;
    counters.refund({ tenantId: "acme", units: past.units, charges, consumed: past.result });
    past.units = 0;
  }
  return log;
}

const CASES = [
  { gives: false, how: "" },
  { gives: true, how: ", also when units are refunded" },
] as const;

describe("strict-window", () => {
  it.each(CASES)("never admits more than the limit in any window, wherever it begins$how", ({ gives }) => {
    fc.assert(
      fc.property(limits, windows, schedule, (limit, windowMs, steps) => {
        const rule = ruleOf({ algorithm: "strict-window", limit, windowMs });
        expect(worstIn(logOf({ rule, steps, gives }), windowMs, true)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it("admits no more in a window that ten parts do not divide either", () => {
    // 1,009 µs: its parts are rounded, and must be rounded up.
    const rule = ruleOf({ algorithm: "strict-window", limit: 1, windowMs: 1.009 });
    const charges = [{ rule, scope: ["api"], subject: "acme" }];
    for (let offset = 0; offset < 120; offset++) {
      const clock = createManualClock();
      const counters = new MemoryCounters({ clock, maxKeys: 10 });
      const consume = (): boolean => counters.consume({ tenantId: "acme", cost: 1, charges }).allowed;
      clock.advance(offset / 1000);
      const first = consume();
      // A microsecond less than the window, because adding milliseconds rounds by up to that much.
      clock.advance(1.008);
      expect({ offset, answers: [first, consume()] }).toEqual({ offset, answers: [true, false] });
    }
  });

  it("admits at least nine tenths of the limit under a constant excess", () => {
    const rule = ruleOf({ algorithm: "strict-window", limit: 100, windowMs: 1000 });
    const admitted = flood({ rule, random: seededRandom(SEED), lengthMs: 22_000 }).length;
    expect(admitted).toBeGreaterThanOrEqual(0.9 * 22 * 100);
  });
});

describe("gcra", () => {
  it.each(CASES)("admits at most the burst and the leaked units in any stretch of time$how", ({ gives }) => {
    fc.assert(
      fc.property(limits, limits, windows, fc.context(), schedule, (...[limit, burst, windowMs, , steps]) => {
        const rule = ruleOf({ limit, burst, windowMs });
        const excess = worstExcess(logOf({ rule, steps, gives }), { units: burst, perMs: limit / windowMs });
        expect(excess).toBeLessThanOrEqual(1e-6);
      }),
    );
  });
});

describe.each(["sliding-window", "fixed-window"] as const)("%s", (algorithm) => {
  it.each(CASES)("admits at most twice the limit in any window$how", ({ gives }) => {
    fc.assert(
      fc.property(limits, windows, schedule, (limit, windowMs, steps) => {
        const rule = ruleOf({ algorithm, limit, windowMs });
        expect(worstIn(logOf({ rule, steps, gives }), windowMs)).toBeLessThanOrEqual(2 * limit);
      }),
    );
  });

  it("admits at most the limit in a window of the calendar", () => {
    fc.assert(
      fc.property(limits, windows, schedule, (limit, windowMs, steps) => {
        const rule = ruleOf({ algorithm, limit, windowMs });
        const perWindow = new Map<number, number>();
        for (const { atMs, units } of logOf({ rule, steps, gives: false })) {
          const window = Math.floor((1_700_000_000_000 + atMs) / windowMs);
          perWindow.set(window, (perWindow.get(window) ?? 0) + units);
        }
        expect(Math.max(0, ...perWindow.values())).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

describe("the worst that a client can get out of one window", () => {
  it.each([
    ["strict-window", 0.9, 1],
    ["gcra", 1.9, 2],
    ["sliding-window", 1.8, 2],
    ["fixed-window", 1.9, 2],
  ] as const)("is the documented bound of %s", (algorithm, atLeast, atMost) => {
    const rule = ruleOf({ algorithm, limit: 100, windowMs: 1000 });
    const random = seededRandom(SEED);
    const worst = Array.from({ length: 30 }, () => worstIn(attack({ rule, random, lengthMs: 30_000 }), 1000));
    expect(Math.max(...worst) / 100).toBeLessThanOrEqual(atMost);
    expect(Math.max(...worst) / 100).toBeGreaterThanOrEqual(atLeast);
  });
});
