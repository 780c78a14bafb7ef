import type { PlanResolver } from "@scale/core";
import { createRateLimiter, type RateLimiter, type RateLimitStore } from "@scale/rate-limit";

/** How much a tenant may do in a time. */
export function createLimiter(plans: PlanResolver, store: RateLimitStore): RateLimiter {
  return createRateLimiter({
    plans,
    store,
    // Without Redis each process decides by its share of every limit. `allow` would leave the database unprotected when
    // there is trouble already, `deny` and `throw` would turn trouble in Redis into an outage of the product.
    whenStoreFails: "local",
    // How many processes share the limits. This is the only one, so its share is the whole limit.
    instances: 1,
  });
}
