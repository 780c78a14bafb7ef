import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { zipf } from "./zipf.js";

describe("zipf", () => {
  it("picks the n-th index 1/n times as often as the first", () => {
    const pick = zipf(50, seededRandom(1));
    const counts = Array.from({ length: 50 }, () => 0);
    for (let n = 0; n < 100_000; n++) {
      const index = pick();
      counts[index] = (counts[index] ?? 0) + 1;
    }
    const [first = 0] = counts;
    for (const n of [2, 3, 5, 10]) expect((counts[n - 1] ?? 0) * n).toBeCloseTo(first, -3.5);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("picks the last index for the largest random number", () => {
    expect(zipf(3, () => 1 - 2 ** -53)()).toBe(2);
    expect(zipf(3, () => 0)()).toBe(0);
  });
});
