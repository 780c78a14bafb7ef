import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { ThroughputLimit } from "./throughput-limit.js";

interface Phase {
  /** Requests that are served at once; the others wait inside. */
  readonly slots: number;
  /** Mean service time in milliseconds, exponentially distributed. */
  readonly serviceMs: number;
  readonly arrivalsPerMs: number;
  readonly lengthMs: number;
}

const SEED = 20_261_130;

/** Runs a server that the limit protects, in simulated time. @returns completions per millisecond in the second half of each phase */
function simulate(limit: ThroughputLimit, phases: readonly Phase[]): number[] {
  const random = seededRandom(SEED);
  const exponential = (mean: number): number => -Math.log(1 - random()) * mean;
  let inFlight = 0;
  let busy = 0;
  let beganMs = 0;
  let ends: number[] = [];
  let arrivalMs = 0;
  return phases.map(({ slots, serviceMs, arrivalsPerMs, lengthMs }) => {
    const untilMs = beganMs + lengthMs;
    const halfMs = beganMs + lengthMs / 2;
    let done = 0;
    const serve = (nowMs: number): void => {
      while (busy < Math.min(slots, inFlight)) {
        busy++;
        ends.push(nowMs + exponential(serviceMs));
        ends = ends.toSorted((a, b) => b - a);
      }
    };
    serve(beganMs);
    for (;;) {
      const endMs = ends.at(-1) ?? Infinity;
      const nowMs = Math.min(endMs, arrivalMs);
      if (nowMs >= untilMs) break;
      if (nowMs === endMs) {
        ends.pop();
        busy--;
        limit.onInFlight(--inFlight, nowMs);
        limit.onRelease(nowMs);
        if (nowMs >= halfMs) done++;
      } else {
        arrivalMs = nowMs + exponential(1 / arrivalsPerMs);
        if (inFlight < limit.current) limit.onInFlight(++inFlight, nowMs);
        else limit.onNoRoom();
      }
      serve(nowMs);
    }
    beganMs = untilMs;
    return done / (lengthMs / 2);
  });
}

const limitOf = (): ThroughputLimit => new ThroughputLimit({ initial: 50, min: 4, max: 1000 }, 0);

describe("ThroughputLimit", () => {
  it("finds the capacity under overload, when it falls to a quarter, and when it comes back", () => {
    const full = { slots: 20, serviceMs: 20, arrivalsPerMs: 3, lengthMs: 15_000 };
    const limit = limitOf();
    const [overload, quarter, recovered] = simulate(limit, [full, { ...full, slots: 5 }, full]);
    // The capacity is slots over service time. 0.9 leaves room for the steps around it.
    expect(overload).toBeGreaterThan(0.9 * 1);
    expect(quarter).toBeGreaterThan(0.9 * 0.25);
    expect(recovered).toBeGreaterThan(0.9 * 1);
  });

  it("does not take work that became slower for a queue", () => {
    const fast = { slots: Infinity, serviceMs: 5, arrivalsPerMs: 2, lengthMs: 10_000 };
    const [before, after] = simulate(limitOf(), [fast, { ...fast, serviceMs: 100, lengthMs: 30_000 }]);
    expect(before).toBeGreaterThan(1.8);
    expect(after).toBeGreaterThan(1.2);
  });

  it("keeps the queue inside the process short", () => {
    const limit = limitOf();
    simulate(limit, [{ slots: 20, serviceMs: 20, arrivalsPerMs: 3, lengthMs: 20_000 }]);
    expect(limit.current).toBeLessThan(100);
  });

  it("stays while nothing is refused, and within its bounds", () => {
    const idle = limitOf();
    simulate(idle, [{ slots: 20, serviceMs: 20, arrivalsPerMs: 0.3, lengthMs: 5_000 }]);
    expect(idle.current).toBe(50);
    const narrow = new ThroughputLimit({ initial: 10, min: 8, max: 12 }, 0);
    simulate(narrow, [{ slots: 1, serviceMs: 20, arrivalsPerMs: 3, lengthMs: 10_000 }]);
    expect(narrow.current).toBeGreaterThanOrEqual(8);
    expect(narrow.current).toBeLessThanOrEqual(12);
  });
});
