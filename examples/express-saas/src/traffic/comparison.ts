import type { Clock } from "@scale/core";
import type { Comparison } from "@scale/dashboard";
import { LATENCY_BUCKETS, latencyBucket, latencyOf, sumLatencies } from "../live/latency.js";
import { createSecondsRing, type SecondsRing } from "../live/ring.js";

/** The same requests to the app and to another system, both measured by the client that sends them. */
export interface RequestComparison {
  readonly here: RequestMeter;
  readonly there: RequestMeter;
  read(): Comparison;
}

/** Meter of one of the systems. */
export interface RequestMeter {
  /** @param status `undefined` without a response */
  record(status: number | undefined, durationMs: number): void;
}

const FAILED = LATENCY_BUCKETS;
const ALL = LATENCY_BUCKETS + 1;

/** @param label name of the other system */
export function createRequestComparison(label: string, clock: Clock): RequestComparison {
  const here = createSecondsRing(LATENCY_BUCKETS + 2, clock);
  const there = createSecondsRing(LATENCY_BUCKETS + 2, clock);
  return {
    here: meterOf(here),
    there: meterOf(there),
    read: () => ({
      label,
      here: totalOf(here),
      there: totalOf(there),
      p99BySecond: there
        .rows()
        .slice(0, -1)
        .map((row) => latencyOf(row.subarray(0, LATENCY_BUCKETS)).p99),
    }),
  };
}

/** A refusal is fast and no failure: its latency says nothing about the requests that are served. */
const isRefusal = (status: number | undefined): boolean => status === 429 || status === 402 || status === 503;

function meterOf(ring: SecondsRing): RequestMeter {
  return {
    record(status, durationMs) {
      ring.add(ALL);
      if (isRefusal(status)) return;
      if (status === undefined || status >= 500) ring.add(FAILED);
      // A request without a response took as long as its caller waited.
      ring.add(latencyBucket(durationMs));
    },
  };
}

function totalOf(ring: SecondsRing): Comparison["here"] {
  const latencies = sumLatencies(ring.rows().map((row) => row.subarray(0, LATENCY_BUCKETS)));
  return { requests: ring.total(ALL), failed: ring.total(FAILED), p99: latencyOf(latencies).p99 };
}
