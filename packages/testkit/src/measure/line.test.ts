import { describe, expect, it } from "vitest";
import { judge } from "./line.js";

describe("judge", () => {
  it("passes a figure at its gate and fails one beyond it", () => {
    expect(judge(3, { gate: { atLeast: 3 } })).toEqual({ gate: ">= 3", goal: "none", pass: true });
    expect(judge(2.99, { gate: { atLeast: 3 } }).pass).toBe(false);
    expect(judge(1.1, { gate: { atMost: 1.1 } })).toEqual({ gate: "<= 1.1", goal: "none", pass: true });
    expect(judge(1.2, { gate: { atMost: 1.1 } }).pass).toBe(false);
  });

  it("reports a missed goal and does not fail", () => {
    expect(judge(2.6, { gate: { atLeast: 2.5 }, goal: { atLeast: 3 } })).toEqual({
      gate: ">= 2.5",
      goal: ">= 3",
      pass: true,
    });
  });

  it("passes every figure without a gate, and fails NaN with one", () => {
    expect(judge(Number.NaN, {}).pass).toBe(true);
    expect(judge(Number.NaN, { gate: { atMost: 1 } }).pass).toBe(false);
    expect(judge(Number.NaN, { gate: { atLeast: 1 } }).pass).toBe(false);
  });
});
