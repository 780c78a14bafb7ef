import type { Latency } from "./live-data.js";

// A histogram with exponential buckets: every percentile is accurate to 4.5 %, and the counts of several seconds can be
// added.
const BUCKETS_PER_DOUBLING = 8;
const SMALLEST_MS = 0.05;
/** Number of buckets. The last one counts all latencies above 52 seconds. */
export const LATENCY_BUCKETS: number = 20 * BUCKETS_PER_DOUBLING + 1;

/** Returns the bucket of a latency. */
export function latencyBucket(ms: number): number {
  const bucket = Math.floor(Math.log2(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) * BUCKETS_PER_DOUBLING);
  return Math.min(bucket, LATENCY_BUCKETS - 1);
}

export function latencyOf(counts: Uint32Array): Latency {
  const at = (quantile: number): number | null => latencyQuantile(counts, quantile);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Returns the middle of the bucket that contains the quantile. */
function latencyQuantile(counts: Uint32Array, quantile: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = Math.ceil(quantile * total);
  let seen = 0;
  const bucket = counts.findIndex((count) => {
    seen += count;
    return seen >= rank;
  });
  return SMALLEST_MS * 2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING);
}

/** Adds the histograms of several seconds. */
export function sumLatencies(rows: readonly Uint32Array[]): Uint32Array {
  const sum = new Uint32Array(LATENCY_BUCKETS);
  for (const row of rows) for (const [bucket, count] of row.entries()) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sum;
}
