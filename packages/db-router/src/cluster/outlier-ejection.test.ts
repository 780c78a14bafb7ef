import { describe, expect, it } from "vitest";
import {
  acceptsStatement,
  halfOpenWhenDue,
  type Health,
  healthy,
  recordFailure,
  recordSuccess,
  startTrial,
} from "./outlier-ejection.js";

const rules = { failures: 2, ejectMs: 1_000, maxEjectMs: 8_000 };
const at = (ms: number) => ({ ms, random: 0 });
const fail = (health: Health, ms: number, times = 1): Health =>
  times === 0 ? health : fail(recordFailure(health, rules, at(ms)), ms, times - 1);

describe("the health of a node", () => {
  it("stays healthy after one failure that a success follows", () => {
    const once = fail(healthy, 0);
    expect(acceptsStatement(once)).toBe(true);
    expect(recordSuccess(once, () => 1)).toMatchObject({ state: "healthy", failures: 0 });
  });

  it("is ejected after consecutive failures, until the ejection is over", () => {
    const ejected = fail(healthy, 100, 2);
    expect(ejected).toMatchObject({ state: "ejected", untilMs: 1_100 });
    expect(acceptsStatement(halfOpenWhenDue(ejected, 1_099))).toBe(false);
    expect(acceptsStatement(halfOpenWhenDue(ejected, 1_100))).toBe(true);
  });

  it("admits one trial statement when half-open, and is healthy after its success", () => {
    const halfOpen = halfOpenWhenDue(fail(healthy, 0, 2), 1_000);
    expect(acceptsStatement(startTrial(halfOpen))).toBe(false);
    expect(recordSuccess(startTrial(halfOpen), () => 1_050)).toMatchObject({
      state: "healthy",
      failures: 0,
      sinceMs: 1_050,
    });
  });

  it("doubles the ejection after each failed trial, up to the maximum", () => {
    let health = fail(healthy, 0, 2);
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      if (health.state !== "ejected") throw new Error(health.state);
      const { untilMs } = health;
      health = recordFailure(startTrial(halfOpenWhenDue(health, untilMs)), rules, at(untilMs));
      if (health.state === "ejected") times.push(health.untilMs - untilMs);
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it("starts again from the first back-off step after staying healthy for the next ejection's length", () => {
    const back: Health = { state: "healthy", failures: 0, ejections: 2, sinceMs: 0 };
    expect(fail(back, 3_999, 2)).toMatchObject({ state: "ejected", untilMs: 3_999 + 4_000 });
    expect(fail(back, 4_000, 2)).toMatchObject({ state: "ejected", untilMs: 5_000 });
  });

  it("adds jitter to the ejection, so that processes do not try the node together", () => {
    expect(recordFailure(fail(healthy, 0), rules, { ms: 0, random: 0.5 })).toMatchObject({ untilMs: 1_050 });
  });
});
