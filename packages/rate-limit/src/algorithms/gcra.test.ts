import type { RateLimitRule } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admits, remainingUnits } from "./gcra.js";
import { memoryStore } from "./memory.js";
import type { Take } from "./types.js";

const ruleOf = (limit: number, windowMs: number, burst: number): RateLimitRule => ({
  name: "t",
  by: "tenant",
  limit,
  windowMs,
  burst,
});
const schedule = fc.array(fc.tuple(fc.nat(400), fc.nat(4)), { maxLength: 120 });

describe("gcra", () => {
  it("tells as remaining what it would admit, whatever the last bit of a level is", () => {
    const rule = ruleOf(10, 1000, 10);
    for (let whole = 1; whole < 10; whole++) {
      for (const used of [whole, whole * (1 + Number.EPSILON), whole * (1 - Number.EPSILON)]) {
        const remaining = remainingUnits(used, rule);
        expect({ used, remaining }).toEqual({ used, remaining: 10 - whole });
        expect(admits(used, remaining, rule)).toBe(true);
        expect(admits(used, remaining + 1, rule)).toBe(false);
      }
    }
  });

  it("admits at most the burst and the refill in any stretch of time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 30 }),
        schedule,
        async (limit, burst, steps) => {
          const clock = createManualClock();
          const store = memoryStore({ clock });
          const rule = ruleOf(limit, 1000, burst);
          const admitted: { at: number; cost: number }[] = [];
          for (const [gap, cost] of steps) {
            clock.advance(gap);
            const take: Take = { tenantId: "acme", cost, charges: [{ rule, scope: ["api"], subject: "acme" }] };
            if ((await store.take(take)).allowed) admitted.push({ at: clock.monotonic(), cost });
          }
          admitted.forEach((first, i) => {
            let sum = 0;
            for (const { at, cost } of admitted.slice(i)) {
              sum += cost;
              expect(sum).toBeLessThanOrEqual(burst + ((at - first.at) * limit) / 1000 + 0.001);
            }
          });
        },
      ),
      { numRuns: 300, seed: 20_261_120 },
    );
  });

  it("never denies a cost after the wait it told, which is at most a millisecond too long", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), schedule, async (limit, steps) => {
        const clock = createManualClock();
        const store = memoryStore({ clock });
        const charges = [{ rule: ruleOf(limit, 977, limit), scope: ["api"], subject: "acme" }];
        for (const [gap, cost] of steps) {
          clock.advance(gap);
          const take: Take = { tenantId: "acme", cost, charges };
          const taken = await store.take(take);
          const wait = taken.standings[0]?.retryAfterMs ?? 0;
          if (taken.allowed || wait === Infinity) continue;
          if (wait < 2) continue;
          clock.advance(wait - 2);
          expect((await store.take({ ...take, cost: Math.max(1, cost) })).allowed).toBe(false);
          clock.advance(2);
          expect((await store.take(take)).allowed).toBe(true);
        }
      }),
      { numRuns: 300, seed: 20_261_120 },
    );
  });
});
