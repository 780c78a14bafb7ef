import type { Latency } from "./live-data.js";

// A histogram whose buckets grow by a fixed ratio: a percentile is right to 4.5 %, whatever the latencies are, and the
// counts of several seconds add up to those of all of them.
const BUCKETS_PER_DOUBLING = 8;
const SMALLEST_MS = 0.05;
/** The last one counts everything above 52 seconds. */
export const LATENCY_BUCKETS: number = 20 * BUCKETS_PER_DOUBLING + 1;

/** The bucket that counts a latency. */
export function latencyBucket(ms: number): number {
  const bucket = Math.floor(Math.log2(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) * BUCKETS_PER_DOUBLING);
  return Math.min(bucket, LATENCY_BUCKETS - 1);
}

export function latencyOf(counts: Uint32Array): Latency {
  const at = (quantile: number): number | null => latencyQuantile(counts, quantile);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The middle of the bucket that the quantile falls into. */
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

/** The counts of several seconds as one. */
export function sumLatencies(rows: readonly Uint32Array[]): Uint32Array {
  const sum = new Uint32Array(LATENCY_BUCKETS);
  for (const row of rows) for (const [bucket, count] of row.entries()) sum[bucket] = (sum[bucket] ?? 0) + count;
  return sum;
}
