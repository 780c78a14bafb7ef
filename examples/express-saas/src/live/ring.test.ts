import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createSecondsRing } from "./ring.js";

describe("createSecondsRing", () => {
  it("sums each column over the last 60 seconds", () => {
    const clock = createManualClock();
    const ring = createSecondsRing(2, clock);
    ring.add(0);
    clock.advance(30_000);
    ring.add(0);
    ring.add(1);
    expect([ring.total(0), ring.total(1)]).toEqual([2, 1]);
    clock.advance(29_000);
    expect([ring.total(0), ring.total(1)]).toEqual([2, 1]);
    clock.advance(1000);
    expect([ring.total(0), ring.total(1)]).toEqual([1, 1]);
    clock.advance(60_000);
    expect([ring.total(0), ring.total(1)]).toEqual([0, 0]);
  });

  it("returns the seconds in order, the current one last", () => {
    const clock = createManualClock();
    const ring = createSecondsRing(1, clock);
    for (let second = 0; second < 61; second++) {
      for (let n = 0; n <= second; n++) ring.add(0);
      clock.advance(1000);
    }
    const counts = ring.rows().map(([count]) => count);
    expect(counts).toHaveLength(60);
    expect(counts.slice(0, 2)).toEqual([3, 4]);
    expect(counts.slice(-2)).toEqual([61, 0]);
  });

  it("keeps the greatest value of each second", () => {
    const clock = createManualClock();
    const ring = createSecondsRing(1, clock);
    ring.raise(0, 7);
    ring.raise(0, 3);
    clock.advance(30_000);
    ring.raise(0, 5);
    expect(ring.highest(0)).toBe(7);
    clock.advance(30_000);
    expect(ring.highest(0)).toBe(5);
    clock.advance(30_000);
    expect(ring.highest(0)).toBe(0);
  });

  it("clears a slot that held an old second", () => {
    const clock = createManualClock();
    const ring = createSecondsRing(2, clock);
    ring.add(0);
    clock.advance(60_000);
    ring.add(1);
    expect([ring.total(0), ring.total(1)]).toEqual([0, 1]);
  });
});
