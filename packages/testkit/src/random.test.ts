import { describe, expect, it } from "vitest";
import { seededRandom } from "./random.js";

const take = (seed: number, count: number): number[] => Array.from({ length: count }, seededRandom(seed));

describe("seededRandom", () => {
  it("repeats itself for a seed and differs for another", () => {
    expect(take(1, 100)).toEqual(take(1, 100));
    expect(take(1, 100)).not.toEqual(take(2, 100));
  });

  it("returns the published sequence", () => {
    expect(take(0, 3)).toEqual([0.26642920868471265, 0.0003297457005828619, 0.2232720274478197]);
  });

  it("spreads over [0, 1)", () => {
    const numbers = take(7, 10_000);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    const tenths = Array.from({ length: 10 }, (_, i) => numbers.filter((n) => Math.floor(n * 10) === i).length);
    expect(Math.min(...tenths)).toBeGreaterThan(900);
  });
});
