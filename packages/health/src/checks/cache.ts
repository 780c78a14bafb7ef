import type { CheckOptions, CheckOutcome, HealthCheck } from "../types.js";
import { requireMethod } from "./check-options.js";

/** The part of a cache of `@scale/cache` that the check reads. */
export interface CacheLike {
  health(): { readonly isMemoryServed: boolean; readonly queuedInvalidations: number };
}

/**
 * Reads what a cache of `@scale/cache` knows about itself, and sends nothing. It warns while values of the memory are not
 * served, because invalidations may have been missed, and while invalidations wait for the store.
 */
export function cacheCheck(cache: CacheLike, options: CheckOptions = {}): HealthCheck {
  requireMethod(cache, "health", "cacheCheck: cache");
  return { name: "cache", group: "cache", everyMs: 1_000, ...options, run: () => outcomeOf(cache.health()) };
}

function outcomeOf({ isMemoryServed, queuedInvalidations }: ReturnType<CacheLike["health"]>): CheckOutcome {
  const observed = { observedValue: queuedInvalidations, observedUnit: "queued invalidations" };
  const problems = [
    ...(isMemoryServed ? [] : ["values in memory are not served: the invalidation feed is not confirmed"]),
    ...(queuedInvalidations === 0 ? [] : [`${queuedInvalidations} invalidations wait for the store`]),
  ];
  if (problems.length === 0) return { status: "pass", ...observed };
  return { status: "warn", ...observed, output: problems.join("; ") };
}
