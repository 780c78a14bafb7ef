import { describe, expect, it } from "vitest";
import { type Probe, Probes } from "./probes.js";

const create = (permits: number, successRate: number): Probes => new Probes({ permits, successRate, leaseMs: 100 });

describe("Probes", () => {
  it("counts a probe once, whatever comes of it after its lease", () => {
    const probes = create(3, 0.5);
    const late = probes.acquire(0) as Probe;
    expect(probes.expireOne(99)).toBeUndefined();
    expect(probes.expireOne(100)).toBe(100);
    probes.settle(late, true);
    probes.settle(probes.acquire(100) as Probe, true);
    expect(probes.verdict).toBe("undecided");
    probes.settle(probes.acquire(100) as Probe, true);
    expect(probes.verdict).toBe("recovered");
  });

  it("decides as soon as the rest cannot change it", () => {
    const probes = create(4, 0.75);
    probes.settle(probes.acquire(0) as Probe, false);
    expect(probes.verdict).toBe("undecided");
    probes.settle(probes.acquire(0) as Probe, false);
    expect(probes.verdict).toBe("failed");
  });

  it("gives a released permit to the next call", () => {
    const probes = create(1, 1);
    const first = probes.acquire(0) as Probe;
    expect(probes.acquire(0)).toBeUndefined();
    probes.release(first);
    expect(probes.acquire(0)).toBeDefined();
  });
});
