import { describe, expect, it } from "vitest";
import { conserve, lateTenant } from "../scenarios/index.js";

const SEED = 20261130;

describe("series of tenants", () => {
  it("add up to the events at every scrape, never go down, and stay bounded, while heavy tenants change", async () => {
    const options = { tenants: 10_000, max: 30, scrapes: 40, eventsPerScrape: 4000 };
    const found = await conserve({ seed: SEED, ...options });
    expect(found, `seed ${SEED}`).toMatchObject({ wrongSums: 0, decreases: 0 });
    expect(found.mostSeries).toBeLessThanOrEqual(32);
    // Otherwise the run shows nothing.
    expect(found.returns).toBeGreaterThan(20);
  });

  it("show a tenant that becomes heavy an hour after the start within one window", () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { visibleAfterMs, windowMs } = lateTenant(seed);
      expect(visibleAfterMs, `seed ${seed}`).toBeLessThanOrEqual(windowMs);
    }
  });
});
