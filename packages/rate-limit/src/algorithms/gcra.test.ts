import { describe, expect, it } from "vitest";
import { ruleOf } from "../testing/rule.js";
import { capacity } from "./algorithm.js";
import { gcra } from "./gcra.js";

describe("gcra", () => {
  it("reports as remaining the units it would admit, whatever the last bit of a level is", () => {
    const algorithm = gcra(ruleOf({ limit: 10, windowMs: 1000 }));
    for (let whole = 1; whole < 10; whole++) {
      for (const used of [whole, whole * (1 + Number.EPSILON), whole * (1 - Number.EPSILON)]) {
        const level = algorithm.used(algorithm.at([0, used], 0), 0);
        expect({ used, remaining: Math.floor(capacity(10) - level) }).toEqual({ used, remaining: 10 - whole });
      }
    }
  });

  it("returns a level within its burst for any stored state", () => {
    const algorithm = gcra(ruleOf({ limit: 10, windowMs: 1000 }));
    const levels = [Number.NaN, -5, 1e300, Infinity, 10.5].map((used) => algorithm.used(algorithm.at([0, used], 0), 0));
    expect(levels).toEqual([0, 0, 10, 10, 10]);
  });

  it("leaks the level of a smaller burst from the time of the last write", () => {
    const algorithm = gcra(ruleOf({ limit: 10, windowMs: 1000 }));
    // A thousand units of a larger burst, without a write since then, because denials do not write.
    expect([0, 100_000, 500_000, 1_000_000].map((now) => algorithm.used(algorithm.at([0, 1000], now), now))).toEqual([
      10, 9, 5, 0,
    ]);
  });
});
