import { describe, expect, it } from "vitest";
import { MAX_UNITS } from "./units.js";
import { newlyReached, thresholdsOf, thresholdUnits } from "./thresholds.js";

describe("thresholdUnits", () => {
  it("reaches a part at its units, rounded up to the next integer", () => {
    for (const limit of [5, 10, 35, 70, 1005, 4_503_599_627_370_495])
      expect([limit, thresholdUnits(limit)]).toEqual([limit, [(limit / 5) * 4, limit]]);
    expect([1, 2, 3, 4, 6, 99].map((limit) => thresholdUnits(limit)[0])).toEqual([1, 2, 3, 4, 5, 80]);
  });

  it("reaches no part of a limit without parts", () => {
    for (const limit of [0, Infinity]) expect(thresholdUnits(limit).every((units) => units > MAX_UNITS)).toBe(true);
  });
});

describe("newlyReached", () => {
  it("returns each threshold that was not reached before", () => {
    const at = thresholdUnits(100);
    const parts = (before: number, used: number) => thresholdsOf(newlyReached(before, used, at));
    expect([parts(0, 79), parts(0, 80), parts(1, 99), parts(1, 100), parts(0, 100), parts(3, 500)]).toEqual([
      [],
      [0.8],
      [],
      [1],
      [0.8, 1],
      [],
    ]);
  });
});
