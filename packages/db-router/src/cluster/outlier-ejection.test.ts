import { describe, expect, it } from "vitest";
import { begun, due, failed, type Health, healthy, mayServe, succeeded } from "./outlier-ejection.js";

const rules = { failures: 2, ejectMs: 1_000, maxEjectMs: 8_000 };
const at = (ms: number) => ({ ms, random: 0 });
const fail = (health: Health, ms: number, times = 1): Health =>
  times === 0 ? health : fail(failed(health, rules, at(ms)), ms, times - 1);

describe("the health of a node", () => {
  it("survives a failure that an answer follows", () => {
    const once = fail(healthy, 0);
    expect(mayServe(once)).toBe(true);
    expect(succeeded(once, () => 1)).toMatchObject({ is: "up", failures: 0 });
  });

  it("is out after failures in a row, until its time is over", () => {
    const out = fail(healthy, 100, 2);
    expect(out).toMatchObject({ is: "out", untilMs: 1_100 });
    expect(mayServe(due(out, 1_099))).toBe(false);
    expect(mayServe(due(out, 1_100))).toBe(true);
  });

  it("is tried by one statement, which brings it back", () => {
    const trial = due(fail(healthy, 0, 2), 1_000);
    expect(mayServe(begun(trial))).toBe(false);
    expect(succeeded(begun(trial), () => 1_050)).toMatchObject({ is: "up", failures: 0, sinceMs: 1_050 });
  });

  it("is out for twice as long after each trial that fails, up to a bound", () => {
    let health = fail(healthy, 0, 2);
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      if (health.is !== "out") throw new Error(health.is);
      const { untilMs } = health;
      health = failed(begun(due(health, untilMs)), rules, at(untilMs));
      if (health.is === "out") times.push(health.untilMs - untilMs);
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it("is forgiven its trips when it has been up for as long as it would be out", () => {
    const back: Health = { is: "up", failures: 0, trips: 2, sinceMs: 0 };
    expect(fail(back, 3_999, 2)).toMatchObject({ is: "out", untilMs: 3_999 + 4_000 });
    expect(fail(back, 4_000, 2)).toMatchObject({ is: "out", untilMs: 5_000 });
  });

  it("is out a little longer by chance, so that processes do not come back together", () => {
    expect(failed(fail(healthy, 0), rules, { ms: 0, random: 0.5 })).toMatchObject({ untilMs: 1_050 });
  });
});
