import type { RateLimitRule } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryCounters } from "../memory/counters.js";
import { ruleOf } from "../testing/rule.js";
import type { RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";
import { algorithmOf } from "./algorithm-of.js";

fc.configureGlobal({ seed: 20_261_120, numRuns: 300 });

const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window"] as const;

/** Per step: milliseconds to wait, and the cost of the request after it. */
const schedule = fc.array(fc.tuple(fc.oneof(fc.nat(400), fc.nat(3)), fc.nat(6)), { maxLength: 100 });
const limits = fc.integer({ min: 1, max: 50 });
const windows = fc.constantFrom(1, 7, 100, 977, 1000, 60_000, 400 * 86_400_000);

/** One subject under one rule. */
function counting(rule: RateLimitRule, startMs?: number) {
  const clock = createManualClock(startMs);
  const counters = new MemoryCounters({ clock, maxKeys: 10 });
  const charges = [{ rule, scope: ["api"], subject: "acme" }];
  const consume = (cost: number): ConsumeResult =>
    counters.consume({ tenantId: "acme", cost, charges } satisfies ConsumeRequest);
  const status = (result: ConsumeResult): RuleStatus => result.statuses[0] as RuleStatus;
  return {
    clock,
    consume,
    status,
    peek: (): RuleStatus => status(consume(0)),
    refund: (units: number, consumed: ConsumeResult): void =>
      counters.refund({ tenantId: "acme", units, charges, consumed }),
  };
}

describe.each(ALGORITHMS)("%s", (algorithm) => {
  const anyRule = fc.tuple(limits, windows).map(([limit, windowMs]) => ruleOf({ algorithm, limit, windowMs }));

  it("never denies a cost after the reported wait, which is at most a millisecond too long", () => {
    fc.assert(
      fc.property(anyRule, schedule, fc.nat(1_000_000), (rule, steps, offset) => {
        const { clock, consume, status } = counting(rule, 1_700_000_000_000 + offset);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          const denied = consume(cost);
          const { retryAfterMs } = status(denied);
          if (denied.allowed || retryAfterMs === Infinity) continue;
          const asked = Math.max(cost, 1);
          clock.advance(retryAfterMs - 1);
          expect(consume(asked).allowed).toBe(false);
          clock.advance(1);
          expect(consume(asked).allowed).toBe(true);
        }
      }),
    );
  });

  it("has its whole limit again after the reported time, and at most a millisecond before", () => {
    // In the last millisecond of a window of days, the counted usage is below the rounding tolerance.
    const short = anyRule.filter(({ windowMs }) => windowMs <= 60_000);
    fc.assert(
      fc.property(short, schedule, (rule, steps) => {
        const { clock, consume, peek } = counting(rule);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          consume(cost);
        }
        const { resetMs } = peek();
        if (resetMs === 0) return;
        clock.advance(resetMs - 1);
        expect(peek().remaining).toBeLessThan(rule.limit);
        clock.advance(1);
        expect(peek()).toEqual({ remaining: rule.limit, resetMs: 0, retryAfterMs: 0 });
      }),
    );
  });

  it("reports as remaining the units it would admit, and not one less", () => {
    fc.assert(
      fc.property(anyRule, schedule, (rule, steps) => {
        const { clock, consume, peek } = counting(rule);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          consume(cost);
          const { remaining } = peek();
          expect(consume(remaining + 1).allowed).toBe(false);
        }
        const { remaining } = peek();
        expect(remaining === 0 || consume(remaining).allowed).toBe(true);
      }),
    );
  });

  it("keeps no trace of denied requests", () => {
    fc.assert(
      fc.property(anyRule, schedule, (rule, steps) => {
        const [all, admitted] = [counting(rule), counting(rule)];
        const answers: (readonly [ConsumeResult, ConsumeResult])[] = [];
        for (const [gap, cost] of steps) {
          all.clock.advance(gap);
          admitted.clock.advance(gap);
          const result = all.consume(cost);
          if (result.allowed && cost > 0) answers.push([admitted.consume(cost), result]);
        }
        expect(answers.map(([alone]) => alone)).toEqual(answers.map(([, among]) => among));
        expect(all.peek()).toEqual(admitted.peek());
      }),
    );
  });

  it("counts exactly the admitted units that were not refunded, while no time passes", () => {
    const asks = fc.array(fc.record({ cost: fc.nat(8), back: fc.nat(8) }), { maxLength: 60 });
    fc.assert(
      fc.property(anyRule, asks, (rule, steps) => {
        const { consume, refund, peek } = counting(rule);
        let used = 0;
        for (const { cost, back } of steps) {
          const result = consume(cost);
          expect(result.allowed).toBe(used + Math.max(cost, 1) <= rule.limit);
          if (!result.allowed || cost === 0) continue;
          const units = Math.min(back, cost);
          if (units > 0) refund(units, result);
          used += cost - units;
          expect(peek().remaining).toBe(rule.limit - used);
        }
      }),
    );
  });
});

describe.each(ALGORITHMS)("%s, when the clock is set back", (algorithm) => {
  it("locks out no subject for longer than two windows, and admits no unit twice", () => {
    const amounts = fc.array(fc.tuple(fc.nat(3_000_000), fc.nat(10)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(limits, amounts, fc.nat(100_000_000), (limit, charges, back) => {
        const rule = ruleOf({ algorithm, limit, windowMs: 1000 });
        const algorithmUnderTest = algorithmOf(rule);
        if (algorithmUnderTest === undefined) return;
        let now = 1_700_000_000_000_000;
        let state = algorithmUnderTest.at(undefined, now);
        for (const [gap, units] of charges) {
          now += gap;
          state = algorithmUnderTest.at(state, now);
          if (algorithmUnderTest.used(state, now) + units <= limit) algorithmUnderTest.add(state, units);
        }
        const used = algorithmUnderTest.used(state, now);
        now -= back;
        state = algorithmUnderTest.at(state, now);
        // Counted usage still counts, unless its whole window lies in the future.
        const isAll = algorithm === "gcra" || algorithm === "strict-window";
        expect(algorithmUnderTest.used(state, now)).toBeGreaterThanOrEqual(isAll ? used : 0);
        expect(algorithmUnderTest.resetUs(state, now)).toBeLessThanOrEqual(2_000_000);
        expect(
          algorithmUnderTest.used(algorithmUnderTest.at(state, now + 2_000_000), now + 2_000_000),
        ).toBeLessThanOrEqual(limit * 1e-9);
      }),
    );
  });
});
