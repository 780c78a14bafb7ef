import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createRequestComparison } from "./comparison.js";

describe("createRequestComparison", () => {
  it("counts requests and failures of both, and the latency of what was served", () => {
    const clock = createManualClock();
    const comparison = createRequestComparison("the packages off", clock);
    for (let n = 0; n < 10; n++) comparison.here.record(200, 10);
    // Refusals, which are fast.
    for (const status of [429, 402, 503]) comparison.here.record(status, 0.1);
    comparison.there.record(200, 100);
    comparison.there.record(500, 100);
    comparison.there.record(undefined, 5000);
    const { label, here, there } = comparison.read();
    expect(label).toBe("the packages off");
    expect(here).toMatchObject({ requests: 13, failed: 0 });
    expect(here.p99).toBeCloseTo(10, 0);
    expect(there).toMatchObject({ requests: 3, failed: 2 });
    expect(Math.abs((there.p99 ?? 0) / 5000 - 1)).toBeLessThan(0.05);
  });

  it("knows the p99 there of each whole second, and forgets after a minute", () => {
    const clock = createManualClock();
    const comparison = createRequestComparison("the packages off", clock);
    comparison.there.record(200, 40);
    expect(comparison.read().p99BySecond.at(-1)).toBeNull();
    clock.advance(1000);
    const { p99BySecond } = comparison.read();
    expect(p99BySecond).toHaveLength(59);
    expect(p99BySecond.at(-1)).toBeCloseTo(40, -1);
    clock.advance(60_000);
    expect(comparison.read().there).toEqual({ requests: 0, failed: 0, p99: null });
  });
});
