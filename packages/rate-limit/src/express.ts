import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { type RateLimitGuardOptions, rateLimitGuard } from "./http/guard.js";
import type { RateLimiter } from "./limiter.js";

/** Limits the routes after it. Mount it after the middleware that sets the tenant. */
export function rateLimit<Group extends string>(
  limiter: RateLimiter<Group>,
  options?: RateLimitGuardOptions<NoInfer<Group>>,
): NodeMiddleware {
  return toExpress(rateLimitGuard(limiter, options));
}

/**
 * Applies the rules of the tenant's own plan: `rateLimit` without a group, under a name that applications use.
 * Mount it after the middleware that sets the tenant.
 */
export function companyRateLimiter(
  limiter: RateLimiter,
  options?: Omit<RateLimitGuardOptions, "group">,
): NodeMiddleware {
  return rateLimit(limiter, options);
}

/**
 * Applies the rules of the group `ai`, and the plan's own rules unless `companyRateLimiter` of the same limiter has
 * admitted the request: `rateLimit` with that group.
 */
export function aiRateLimiter(limiter: RateLimiter, options?: Omit<RateLimitGuardOptions, "group">): NodeMiddleware {
  return rateLimit(limiter, { ...options, group: "ai" });
}
