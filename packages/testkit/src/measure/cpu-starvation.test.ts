import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchCpuStarvation } from "./cpu-starvation.js";

let now = 0;
let cpuMs = 0;

/** Moves the clock, of which this process computed for `ownMs`. */
function pass(ms: number, ownMs = 0): void {
  now += ms;
  cpuMs += ownMs;
}

beforeEach(() => {
  [now, cpuMs] = [0, 0];
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.spyOn(process, "cpuUsage").mockImplementation((since) => ({
    user: cpuMs * 1000 - (since?.user ?? 0),
    system: 0,
  }));
});
afterEach(() => void vi.restoreAllMocks());

describe("watchCpuStarvation", () => {
  it("counts the delay of a tick", () => {
    const starvation = watchCpuStarvation(2);
    pass(2);
    starvation.tick();
    pass(22);
    starvation.tick();
    expect(starvation.between(0, 100)).toBe(20);
    expect(starvation.between(0, 14)).toBe(10);
    expect(starvation.between(30, 100)).toBe(0);
  });

  it("takes off the time in which this process itself computes", () => {
    const starvation = watchCpuStarvation(2);
    pass(22, 15);
    starvation.tick();
    expect(starvation.between(0, 100)).toBe(5);
  });

  it("ignores the usual delay of a timer", () => {
    const starvation = watchCpuStarvation(2);
    for (let i = 0; i < 10; i++) {
      pass(3);
      starvation.tick();
    }
    expect(starvation.between(0, 100)).toBe(0);
  });
});
