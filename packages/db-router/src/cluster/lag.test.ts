import { describe, expect, it } from "vitest";
import { createLagHistory } from "./lag.js";

describe("the lag of a replica", () => {
  it("is zero after replay of the last sample, however long the primary has been idle", () => {
    const history = createLagHistory(5_000);
    history.add(100, 0);
    expect(history.of(100, 60_000)).toEqual({ bytes: 0, ms: 0 });
    expect(history.of(101, 60_000)).toEqual({ bytes: 0, ms: 0 });
  });

  it("is the time since the request of the last replayed sample", () => {
    const history = createLagHistory(5_000);
    for (const [lsn, atMs] of [
      [100, 0],
      [200, 250],
      [300, 500],
    ] as const)
      history.add(lsn, atMs);
    expect(history.of(250, 600)).toEqual({ bytes: 50, ms: 350 });
    expect(history.of(100, 600)).toEqual({ bytes: 200, ms: 600 });
  });

  it("counts from the end of an idle time", () => {
    const history = createLagHistory(5_000);
    for (const atMs of [0, 1_000, 2_000]) history.add(100, atMs);
    history.add(200, 2_250);
    expect(history.of(100, 2_300)).toEqual({ bytes: 100, ms: 300 });
  });

  it("is infinite before the oldest sample", () => {
    const history = createLagHistory(5_000);
    history.add(100, 0);
    expect(history.of(99, 10)).toEqual({ bytes: 1, ms: Infinity });
    expect(createLagHistory(5_000).of(1, 0)).toBeUndefined();
  });

  it("still resolves lags within the bound after samples in quick succession", () => {
    const history = createLagHistory(1_000);
    for (let atMs = 0; atMs <= 10_000; atMs += 1) history.add(atMs, atMs);
    const lag = history.of(9_400, 10_000);
    expect(lag?.ms).toBeGreaterThanOrEqual(600);
    expect(lag?.ms).toBeLessThan(600 + 32);
    expect(history.of(7_000, 10_000)?.ms).toBeGreaterThan(1_000);
  });

  it("restarts when a crash lost the end of the log", () => {
    const history = createLagHistory(5_000);
    history.add(500, 0);
    history.add(400, 250);
    expect(history.of(400, 260)).toEqual({ bytes: 0, ms: 0 });
    history.add(550, 500);
    expect(history.of(510, 510)).toEqual({ bytes: 40, ms: 260 });
  });
});
