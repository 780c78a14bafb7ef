import type { TenantShare } from "../types.js";

type Rate = NonNullable<TenantShare["rate"]>;

/** A token bucket. A negative number of tokens is a bucket that was never used: it is full. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export const FULL: Bucket = { tokens: -1, atMs: 0 };

// Rounding of the refill: a bucket that is due at a millisecond has its token then.
const TOLERANCE = 1e-9;

/** The bucket at `nowMs`. A clock that was set back refills nothing. */
function refill({ tokens, atMs }: Bucket, { limit, windowMs }: Rate, nowMs: number): Bucket {
  if (tokens < 0) return { tokens: limit, atMs: nowMs };
  const elapsed = Math.max(nowMs - atMs, 0);
  return { tokens: Math.min(limit, tokens + (elapsed * limit) / windowMs), atMs: nowMs };
}

/** Wall time at which the next job may start; `nowMs` when it may at once. */
export function readyAt(bucket: Bucket, rate: Rate, nowMs: number): number {
  const { tokens } = refill(bucket, rate, nowMs);
  if (tokens >= 1 - TOLERANCE) return nowMs;
  return nowMs + Math.ceil(((1 - tokens) * rate.windowMs) / rate.limit);
}

/** The bucket after one start. */
export function take(bucket: Bucket, rate: Rate, nowMs: number): Bucket {
  const { tokens } = refill(bucket, rate, nowMs);
  return { tokens: Math.max(tokens - 1, 0), atMs: nowMs };
}
