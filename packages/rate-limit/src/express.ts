import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { type RateLimitGuardOptions, rateLimitGuard } from "./http/guard.js";
import type { RateLimiter } from "./limiter.js";

/** Limits the routes that come after it. Mount it after what sets the tenant. */
export function rateLimit(limiter: RateLimiter, options?: RateLimitGuardOptions): NodeMiddleware {
  return toExpress(rateLimitGuard(limiter, options));
}

/**
 * The rules of the tenant's own plan, under the name that applications know them by: the same as `rateLimit`.
 * Mount it after what sets the tenant.
 */
export function companyRateLimiter(
  limiter: RateLimiter,
  options?: Omit<RateLimitGuardOptions, "group">,
): NodeMiddleware {
  return rateLimit(limiter, options);
}

/**
 * The rules of the group `ai`, and with them those of the tenant's own plan unless `companyRateLimiter` of the same
 * limiter has admitted the request: the same as `rateLimit` with that group.
 */
export function aiRateLimiter(limiter: RateLimiter, options?: Omit<RateLimitGuardOptions, "group">): NodeMiddleware {
  return rateLimit(limiter, { ...options, group: "ai" });
}
