import { describe, expect, it } from "vitest";
import { LATENCY_BUCKETS, latencyBucket, latencyOf, sumLatencies } from "./latency.js";

function histogram(latencies: readonly number[]): Uint32Array {
  const counts = new Uint32Array(LATENCY_BUCKETS);
  for (const ms of latencies) counts[latencyBucket(ms)] = (counts[latencyBucket(ms)] ?? 0) + 1;
  return counts;
}

describe("latencyOf", () => {
  it.each([0.1, 1, 7, 42, 333, 5000, 30_000])("is within 4.5 % of %d ms", (ms) => {
    const { p50, p95, p99 } = latencyOf(histogram([ms]));
    for (const value of [p50, p95, p99]) expect(Math.abs((value ?? 0) / ms - 1)).toBeLessThan(0.045);
  });

  it("separates the quantiles", () => {
    const { p50, p95, p99 } = latencyOf(histogram(Array.from({ length: 1000 }, (_, i) => i + 1)));
    expect(p50).toBeCloseTo(500, -2);
    expect(p95).toBeGreaterThan(900);
    expect(p95).toBeLessThan(995);
    expect(p99).toBeGreaterThan(p95 ?? 0);
  });

  it("is null without requests", () => {
    expect(latencyOf(histogram([]))).toEqual({ p50: null, p95: null, p99: null });
  });

  it.each([0, -1, 1e9, Number.MAX_VALUE])("counts %d ms too", (ms) => {
    expect(latencyBucket(ms)).toBeGreaterThanOrEqual(0);
    expect(latencyBucket(ms)).toBeLessThan(LATENCY_BUCKETS);
  });

  it("gives the same result for summed histograms as for all requests", () => {
    const [first, second] = [
      [1, 2, 3],
      [40, 50],
    ];
    expect(latencyOf(sumLatencies([histogram(first ?? []), histogram(second ?? [])]))).toEqual(
      latencyOf(histogram([...(first ?? []), ...(second ?? [])])),
    );
  });
});
