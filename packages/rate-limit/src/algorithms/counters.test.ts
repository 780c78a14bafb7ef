import type { RateLimitRule } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTable } from "../memory/counters.js";
import { ruleOf } from "../testing/rule.js";
import type { RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";
import { counterOf } from "./counter-of.js";

fc.configureGlobal({ seed: 20_261_120, numRuns: 300 });

const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window"] as const;

/** Milliseconds to wait, and units to ask for then. */
const schedule = fc.array(fc.tuple(fc.oneof(fc.nat(400), fc.nat(3)), fc.nat(6)), { maxLength: 100 });
const limits = fc.integer({ min: 1, max: 50 });
const windows = fc.constantFrom(1, 7, 100, 977, 1000, 60_000, 400 * 86_400_000);

/** One subject under one rule. */
function counting(rule: RateLimitRule, startMs?: number) {
  const clock = createManualClock(startMs);
  const table = createTable({ clock, maxKeys: 10 });
  const charges = [{ rule, scope: ["api"], subject: "acme" }];
  const take = (cost: number): ConsumeResult =>
    table.take({ tenantId: "acme", cost, charges } satisfies ConsumeRequest);
  const standing = (taken: ConsumeResult): RuleStatus => taken.statuses[0] as RuleStatus;
  return {
    clock,
    take,
    standing,
    peek: (): RuleStatus => standing(take(0)),
    give: (units: number, consumed: ConsumeResult): void => table.give({ tenantId: "acme", units, charges, consumed }),
  };
}

describe.each(ALGORITHMS)("%s", (algorithm) => {
  const anyRule = fc.tuple(limits, windows).map(([limit, windowMs]) => ruleOf({ algorithm, limit, windowMs }));

  it("never denies a cost after the wait it told, which is at most a millisecond too long", () => {
    fc.assert(
      fc.property(anyRule, schedule, fc.nat(1_000_000), (rule, steps, offset) => {
        const { clock, take, standing } = counting(rule, 1_700_000_000_000 + offset);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          const denied = take(cost);
          const { retryAfterMs } = standing(denied);
          if (denied.allowed || retryAfterMs === Infinity) continue;
          const asked = Math.max(cost, 1);
          clock.advance(retryAfterMs - 1);
          expect(take(asked).allowed).toBe(false);
          clock.advance(1);
          expect(take(asked).allowed).toBe(true);
        }
      }),
    );
  });

  it("has the whole limit back after the time it told, and at most a millisecond before", () => {
    // Of a window of days, what counts in its last millisecond is less than what two amounts may differ by.
    const short = anyRule.filter(({ windowMs }) => windowMs <= 60_000);
    fc.assert(
      fc.property(short, schedule, (rule, steps) => {
        const { clock, take, peek } = counting(rule);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          take(cost);
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

  it("tells as remaining what it would admit, and not a unit less", () => {
    fc.assert(
      fc.property(anyRule, schedule, (rule, steps) => {
        const { clock, take, peek } = counting(rule);
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          take(cost);
          const { remaining } = peek();
          expect(take(remaining + 1).allowed).toBe(false);
        }
        const { remaining } = peek();
        expect(remaining === 0 || take(remaining).allowed).toBe(true);
      }),
    );
  });

  it("keeps no trace of what it denied", () => {
    fc.assert(
      fc.property(anyRule, schedule, (rule, steps) => {
        const [all, admitted] = [counting(rule), counting(rule)];
        const answers: (readonly [ConsumeResult, ConsumeResult])[] = [];
        for (const [gap, cost] of steps) {
          all.clock.advance(gap);
          admitted.clock.advance(gap);
          const taken = all.take(cost);
          if (taken.allowed && cost > 0) answers.push([admitted.take(cost), taken]);
        }
        expect(answers.map(([alone]) => alone)).toEqual(answers.map(([, among]) => among));
        expect(all.peek()).toEqual(admitted.peek());
      }),
    );
  });

  it("counts exactly what was admitted and not given back while no time passes", () => {
    const asks = fc.array(fc.record({ cost: fc.nat(8), back: fc.nat(8) }), { maxLength: 60 });
    fc.assert(
      fc.property(anyRule, asks, (rule, steps) => {
        const { take, give, peek } = counting(rule);
        let used = 0;
        for (const { cost, back } of steps) {
          const taken = take(cost);
          expect(taken.allowed).toBe(used + Math.max(cost, 1) <= rule.limit);
          if (!taken.allowed || cost === 0) continue;
          const units = Math.min(back, cost);
          if (units > 0) give(units, taken);
          used += cost - units;
          expect(peek().remaining).toBe(rule.limit - used);
        }
      }),
    );
  });
});

describe.each(ALGORITHMS)("%s, when the clock is set back", (algorithm) => {
  it("locks nobody out for longer than two windows, and admits nothing twice", () => {
    const amounts = fc.array(fc.tuple(fc.nat(3_000_000), fc.nat(10)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(limits, amounts, fc.nat(100_000_000), (limit, charges, back) => {
        const rule = ruleOf({ algorithm, limit, windowMs: 1000 });
        const counter = counterOf(rule);
        if (counter === undefined) return;
        let now = 1_700_000_000_000_000;
        let state = counter.at(undefined, now);
        for (const [gap, units] of charges) {
          now += gap;
          state = counter.at(state, now);
          if (counter.used(state, now) + units <= limit) counter.add(state, units);
        }
        const used = counter.used(state, now);
        now -= back;
        state = counter.at(state, now);
        // What counted still does, unless its window lies in a time to come altogether.
        const isAll = algorithm === "gcra" || algorithm === "strict-window";
        expect(counter.used(state, now)).toBeGreaterThanOrEqual(isAll ? used : 0);
        expect(counter.resetUs(state, now)).toBeLessThanOrEqual(2_000_000);
        expect(counter.used(counter.at(state, now + 2_000_000), now + 2_000_000)).toBeLessThanOrEqual(limit * 1e-9);
      }),
    );
  });
});
