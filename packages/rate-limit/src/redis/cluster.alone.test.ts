import { describe, expect, inject, it } from "vitest";
import { killOneMaster } from "../../scenarios/cluster-run.js";
import { latencies, wrong } from "../../scenarios/fault-load.js";
import { refusedPart } from "../../scenarios/fault-run.js";
import { TIMEOUT_MS } from "../../scenarios/fault-stage.js";

const available = inject("redisUrl") !== "";

describe.skipIf(!available)("a limiter on a Cluster that loses one of three masters", () => {
  it("keeps deciding for tenants of the other masters, and decides all requests in time and by policy", async () => {
    const { living, dead, starvation } = await killOneMaster(800);
    expect(living.length).toBeGreaterThan(100);
    expect(dead.length).toBeGreaterThan(100);
    expect(refusedPart(living, starvation)).toBeLessThan(0.05);
    expect(refusedPart(dead, starvation)).toBeGreaterThan(0.5);
    expect(wrong([...living, ...dead]).slice(0, 3)).toEqual([]);
    // The deadline, 20 ms, and what other tests on this machine add.
    expect(latencies([...living, ...dead], starvation).at(-1)).toBeLessThan(TIMEOUT_MS + 20 + 60);
  });
});
