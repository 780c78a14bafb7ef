import type { PlanResolver } from "@scale/core";
import { createRateLimiter, type RateLimiter, type RateLimitStore } from "@scale/rate-limit";

/** The rate limiter of the API, with the limits of each plan. */
export function createLimiter(plans: PlanResolver, store: RateLimitStore): RateLimiter {
  return createRateLimiter({
    plans,
    store,
    // Without Redis each process enforces its share of every limit. `allow` would leave the database unprotected during an
    // incident, and `deny` or `throw` would turn a Redis outage into an outage of the product.
    whenStoreFails: "local",
    // Number of processes that share the limits. With one process its share is the whole limit.
    instances: 1,
  });
}
