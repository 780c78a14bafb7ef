import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { type RateLimitGuardOptions, rateLimitGuard } from "./http.js";
import type { RateLimiter } from "./limiter.js";

/** Limits the routes that come after it. Mount it after what sets the tenant. */
export function rateLimit(limiter: RateLimiter, options?: RateLimitGuardOptions): NodeMiddleware {
  return toExpress(rateLimitGuard(limiter, options));
}
