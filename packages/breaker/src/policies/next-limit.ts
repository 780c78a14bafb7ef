export interface VegasOptions {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** Samples of one window. */
  readonly windowCalls: number;
}

/** One look at a full window. */
export interface VegasWindow {
  /** Median latency of the successful calls. */
  readonly latencyMs: number;
  /** Latency without a queue. */
  readonly baselineMs: number;
  /** Most calls in flight at once. */
  readonly maxInFlight: number;
  /** True when the dependency refused or timed out. */
  readonly wasOverloaded: boolean;
}

/** Decrease after an overload. */
const BACK_OFF = 0.9;
/** The limit follows the load: calls that never came near it say nothing about a higher one. */
const MAX_FACTOR = 2;

/**
 * The next limit of concurrent calls. `limit × (1 − baseline ÷ latency)` estimates how many of them wait in a queue: few raise
 * the limit, many lower it.
 * Source: TCP Vegas, Brakmo and Peterson 1995, with the steps of Netflix concurrency-limits.
 */
export function nextLimit(limit: number, window: VegasWindow, { min, max }: VegasOptions): number {
  const clamp = (value: number): number => Math.min(max, Math.max(min, value));
  if (window.wasOverloaded) return clamp(limit * BACK_OFF);
  if (window.maxInFlight * MAX_FACTOR < limit) return limit;
  const step = Math.max(1, Math.log10(limit));
  const queue = limit * (1 - window.baselineMs / window.latencyMs);
  if (queue <= step) return clamp(limit + 6 * step);
  if (queue < 3 * step) return clamp(limit + step);
  return queue > 6 * step ? clamp(limit - step) : limit;
}
