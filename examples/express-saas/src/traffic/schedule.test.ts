import { describe, expect, it } from "vitest";
import { createSchedule, pickByRate } from "./schedule.js";

const tenants = [
  { id: "large", plan: "enterprise" },
  { id: "small", plan: "free" },
  { id: "mallory", plan: "free" },
] as const;

const schedule = (seed = 1, requestsPerSecond = 100) =>
  createSchedule({ tenants, requestsPerSecond, attacker: "mallory", seed });
/** Rates at the tenths of ten minutes. */
const tenMinutes = (seed?: number): (readonly number[])[] => {
  const { ratesAt } = schedule(seed);
  return Array.from({ length: 6000 }, (_, tenth) => ratesAt(tenth / 10));
};

describe("createSchedule", () => {
  it("starts in a busy hour, in which a tenant sends by the size of its plan", () => {
    const [large = 0, small = 0, mallory = 0] = schedule().ratesAt(0);
    expect(large + small + mallory).toBeCloseTo(100);
    expect(large).toBeGreaterThan(8 * small);
  });

  it("has quiet hours and bursts, and attacks of one tenant", () => {
    const rates = tenMinutes();
    const [usual = 0, , calm = 0] = rates[0] ?? [];
    const large = rates.map(([rate = 0]) => rate);
    expect(Math.min(...large)).toBeCloseTo(0.35 * usual, 0);
    expect(Math.max(...large)).toBeGreaterThan(1.5 * usual);
    const attacks = rates.filter(([, , rate = 0]) => rate === 25);
    // About one in eighty seconds, of twelve seconds each.
    expect(attacks.length).toBeGreaterThan(500);
    expect(attacks.length).toBeLessThan(1500);
    expect(calm).toBeLessThan(10);
  });

  it("is the same for the same seed, and another one for another", () => {
    expect(tenMinutes(7)).toEqual(tenMinutes(7));
    expect(tenMinutes(7)).not.toEqual(tenMinutes(8));
  });
});

describe("pickByRate", () => {
  it("picks each index as often as its rate says, and none without a rate", () => {
    const points = Array.from({ length: 1000 }, (_, n) => n / 1000);
    const picked = points.map((point) => pickByRate([3, 0, 1], () => point));
    expect([0, 1, 2].map((index) => picked.filter((each) => each === index).length)).toEqual([750, 0, 250]);
    expect(pickByRate([0, 0], () => 0.5)).toBe(-1);
  });
});
