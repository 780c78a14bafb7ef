import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { deferred, errorOf, flush } from "../testing/context.js";
import { adaptiveLimit } from "./adaptive-limit.js";
import { nextLimit } from "./next-limit.js";

const bounds = { initial: 20, min: 1, max: 200, windowCalls: 50 };
const windowOf = (latencyMs: number, maxInFlight: number, wasOverloaded = false) => ({
  ...{ latencyMs, baselineMs: 10, maxInFlight, wasOverloaded },
});

describe("nextLimit", () => {
  it("rises without a queue, holds with a short one, and falls with a long one", () => {
    expect(nextLimit(20, windowOf(10, 20), bounds)).toBeGreaterThan(20);
    expect(nextLimit(20, windowOf(13, 20), bounds)).toBe(20);
    expect(nextLimit(20, windowOf(30, 20), bounds)).toBeLessThan(20);
  });

  it("falls by a tenth after an overload, and stays within its bounds", () => {
    expect(nextLimit(20, windowOf(10, 20, true), bounds)).toBe(18);
    expect(nextLimit(1, windowOf(10, 1, true), bounds)).toBe(1);
    expect(nextLimit(199, windowOf(10, 199), bounds)).toBe(200);
  });

  it("does not rise while the load stays far below it", () => {
    expect(nextLimit(100, windowOf(10, 30), bounds)).toBe(100);
  });
});

/** A dependency with some slots: latency grows with the calls that wait for one. */
async function drive(
  slots: number,
  rounds: number,
  limit: ReturnType<typeof adaptiveLimit>,
  clock = createManualClock(),
) {
  const served = { admitted: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const work = deferred();
    const calls = Array.from({ length: 100 }, () => limit.run(() => work.promise));
    const { inFlight } = limit;
    clock.advance(10 * Math.max(1, inFlight / slots));
    work.resolve(1);
    const results = await Promise.allSettled(calls);
    const admitted = results.filter(({ status }) => status === "fulfilled").length;
    served.admitted += admitted;
    served.refused += results.length - admitted;
  }
  return served;
}

describe("adaptiveLimit", () => {
  it("finds about the concurrency that a dependency has, and follows it down", async () => {
    const clock = createManualClock();
    const limit = adaptiveLimit({ initial: 20, max: 200, clock });
    await drive(20, 200, limit, clock);
    expect(limit.limit).toBeGreaterThan(15);
    expect(limit.limit).toBeLessThan(45);
    await drive(5, 400, limit, clock);
    expect(limit.limit).toBeLessThan(25);
    expect(limit.inFlight).toBe(0);
  });

  it("refuses a call above the limit at once", async () => {
    const limit = adaptiveLimit({ initial: 1, name: "search" });
    const work = deferred();
    const first = limit.run(() => work.promise);
    expect(await errorOf(limit.run(() => 1))).toMatchObject({ code: "SCALE_BUSY", what: "search" });
    work.resolve(1);
    await first;
  });

  it("lowers the limit when every call is refused by the dependency", async () => {
    const clock = createManualClock();
    const limit = adaptiveLimit({ initial: 100, clock });
    for (let i = 0; i < 20; i++) {
      clock.advance(500);
      await limit.run(() => ({ status: 503 }));
    }
    await flush();
    expect(limit.limit).toBeLessThan(50);
  });

  it("names wrong bounds", () => {
    expect(() => adaptiveLimit({ initial: 5, min: 10 })).toThrow(/adaptiveLimit: initial: expected at least min/);
  });
});
