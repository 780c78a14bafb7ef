import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fairLevel } from "./fair-level.js";

fc.configureGlobal({ seed: 20_261_130 });

describe("fairLevel", () => {
  it("lends what a small demand leaves to the others, by weight", () => {
    const demands = [
      { weight: 1, asked: 2 },
      { weight: 1, asked: 100 },
      { weight: 3, asked: 100 },
    ];
    expect(fairLevel(demands, 42)).toBe(10);
    expect(fairLevel(demands, 202)).toBe(Infinity);
    expect(fairLevel([], 5)).toBe(Infinity);
  });

  it("hands out the total, or all that was asked", () => {
    const demand = fc.record({ weight: fc.integer({ min: 1, max: 9 }), asked: fc.integer({ min: 0, max: 50 }) });
    fc.assert(
      fc.property(fc.array(demand, { maxLength: 20 }), fc.integer({ min: 1, max: 400 }), (demands, total) => {
        const level = fairLevel(demands, total);
        const given = demands.reduce((sum, { weight, asked }) => sum + Math.min(asked, level * weight), 0);
        const asked = demands.reduce((sum, each) => sum + each.asked, 0);
        expect(given).toBeCloseTo(Math.min(total, asked), 6);
      }),
    );
  });
});
