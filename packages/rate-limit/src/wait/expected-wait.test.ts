import { describe, expect, it } from "vitest";
import type { LimitStatus } from "../types.js";
import { earliestPassAt } from "./expected-wait.js";

const limit = (status: Partial<LimitStatus>): LimitStatus => ({
  ...{ name: "tenant", limit: 10, burst: 10, windowMs: 1000, algorithm: "gcra", shadow: false },
  ...{ remaining: 0, resetMs: 1000, retryAfterMs: 0 },
  ...status,
});
const passAt = (limits: LimitStatus[], unitsAfter: number, cost = 1): number => {
  const retryAfterMs = Math.max(0, ...limits.filter(({ shadow }) => !shadow).map((status) => status.retryAfterMs));
  return earliestPassAt({ at: 5000, cost, retryAfterMs, limits }, unitsAfter);
};

describe("earliestPassAt", () => {
  it("adds the time in which a full bucket leaks the units", () => {
    expect(passAt([limit({ retryAfterMs: 40 })], 0)).toBe(5040);
    expect(passAt([limit({ retryAfterMs: 40 })], 3)).toBe(5340);
  });

  it("lets units pass that a bucket still has room for", () => {
    expect(passAt([limit({ retryAfterMs: 40 }), limit({ windowMs: 60_000, remaining: 9 })], 3)).toBe(5340);
    expect(passAt([limit({ retryAfterMs: 40 }), limit({ windowMs: 60_000, remaining: 2 })], 3)).toBe(11_000);
  });

  it("counts the windows that the units fill", () => {
    const fixed = limit({ algorithm: "fixed-window", retryAfterMs: 700 });
    expect([passAt([fixed], 9), passAt([fixed], 10), passAt([fixed], 20), passAt([fixed], 9, 2)]).toEqual([
      5700, 6700, 7700, 6700,
    ]);
    const sliding = limit({ algorithm: "sliding-window", retryAfterMs: 700 });
    expect([passAt([sliding], 10), passAt([sliding], 20)]).toEqual([5700, 6700]);
  });

  it("leaves rules in shadow out", () => {
    expect(passAt([limit({ retryAfterMs: 40 }), limit({ retryAfterMs: 90_000, shadow: true })], 1)).toBe(5140);
  });

  it("keeps the wait of a denial without rules", () => {
    expect(earliestPassAt({ at: 0, cost: 1, retryAfterMs: 1000, limits: [] }, 5)).toBe(1000);
    expect(passAt([limit({ retryAfterMs: Infinity })], 1)).toBe(Infinity);
  });
});
