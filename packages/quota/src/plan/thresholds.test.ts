import { describe, expect, it } from "vitest";
import { newlyReached, thresholdsOption, thresholdUnits } from "./thresholds.js";
import { MAX_UNITS } from "./units.js";

describe("thresholdUnits", () => {
  it("reaches a part at its units, rounded up to the next integer", () => {
    for (const limit of [5, 10, 35, 70, 1005, 4_503_599_627_370_495])
      expect([limit, thresholdUnits(limit, 0.8), thresholdUnits(limit, 1)]).toEqual([limit, (limit / 5) * 4, limit]);
    expect([1, 2, 3, 4, 6, 99].map((limit) => thresholdUnits(limit, 0.8))).toEqual([1, 2, 3, 4, 5, 80]);
    expect([0.5, 0.58, 0.999, 1.1].map((part) => thresholdUnits(50, part))).toEqual([25, 29, 50, 55]);
  });

  it("reaches no part of a limit without parts", () => {
    for (const limit of [0, Infinity]) expect(thresholdUnits(limit, 0.8)).toBeGreaterThan(MAX_UNITS);
  });
});

describe("newlyReached", () => {
  it("returns each threshold above the largest one that was reached before", () => {
    const parts = (before: number, used: number) => newlyReached(before, used, { limit: 100 });
    expect([parts(0, 79), parts(0, 80), parts(0.8, 99), parts(0.8, 100), parts(0, 100), parts(1, 500)]).toEqual([
      [],
      [0.8],
      [],
      [1],
      [0.8, 1],
      [],
    ]);
  });

  it("goes on with other thresholds, when those of a metric change in the middle of a period", () => {
    const thresholds = [0.5, 0.9, 1.2];
    expect(newlyReached(0.8, 95, { limit: 100, thresholds })).toEqual([0.9]);
    expect(newlyReached(0.9, 130, { limit: 100, thresholds })).toEqual([1.2]);
  });
});

describe("thresholdsOption", () => {
  it.each([[[0]], [[11]], [[0.5, 0.5]], [[0.9, 0.8]], [[0.00001]], [[Number.NaN]]])("rejects %j", (parts) => {
    expect(thresholdsOption.safeParse(parts).success).toBe(false);
  });

  it("accepts ascending parts, also above the limit, and none", () => {
    for (const parts of [[0.5, 0.8, 1, 1.5], [], undefined])
      expect(thresholdsOption.safeParse(parts).success).toBe(true);
  });
});
