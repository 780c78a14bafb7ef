import type { RateLimitRule } from "@scale/core";
import type { Standing } from "./types.js";

/**
 * The generic cell rate algorithm in its leaky bucket form: a bucket of `burst` units that every admitted unit fills
 * and that leaks `limit` units per window. What the bucket cannot hold is denied. `redis/take.lua` is this file in Lua;
 * `testing/store.ts` holds the two to the same answers.
 *
 * In any window it admits at most `burst + limit` units: the burst at its start and what leaks during it.
 * The state counts units, not times: adding them is exact, and it keeps its meaning when the limit of a rule changes.
 *
 * Source: ITU-T I.371 annex A, "continuous-state leaky bucket algorithm".
 */

/** Part of the burst below which two fill levels are the same: room for the rounding of some thousand additions. */
const SAME = 1e-12;

/** How full the bucket is `elapsedMs` after it held `used`. Never below empty, never above full, whatever was stored. */
export function leak(used: number, elapsedMs: number, { limit, windowMs, burst }: RateLimitRule): number {
  return Math.min(Math.max(used - Math.max(elapsedMs, 0) * (limit / windowMs), 0), burst);
}

/** True when the bucket holds the cost too. Cost 0 asks for one unit. */
export function admits(used: number, cost: number, { burst }: RateLimitRule): boolean {
  return used + Math.max(cost, 1) <= burst * (1 + SAME);
}

/** Whole units that the bucket still takes. */
export function remainingUnits(used: number, { burst }: RateLimitRule): number {
  return Math.floor(burst * (1 + SAME) - used);
}

/** Microseconds until the bucket is empty. */
export function resetMicros(used: number, { limit, windowMs, burst }: RateLimitRule): number {
  return Math.max(0, Math.ceil((used - burst * SAME) * ((windowMs * 1000) / limit)));
}

/** What the two figures that a store keeps or returns say about a rule, as decided for `cost`. */
export function standing(
  { remaining, resetUs }: { remaining: number; resetUs: number },
  cost: number,
  { limit, windowMs, burst }: RateLimitRule,
): Standing {
  const asked = Math.max(cost, 1);
  const perUnitMs = windowMs / limit;
  // The cost fits when all but `burst - cost` of what is in the bucket has leaked.
  const waitMs = resetUs / 1000 - (burst - asked) * perUnitMs;
  const refused = remaining < asked;
  return {
    remaining,
    resetMs: Math.ceil(resetUs / 1000),
    retryAfterMs: refused ? (asked > burst ? Infinity : Math.max(1, Math.ceil(waitMs - burst * perUnitMs * SAME))) : 0,
  };
}
