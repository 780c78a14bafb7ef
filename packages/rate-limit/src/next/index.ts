import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/next";
import { type RateLimitGuardOptions, rateLimitGuard } from "../http/guard.js";
import type { RateLimiter } from "../limiter.js";

export {
  createEnforce,
  type Enforced,
  type EnforceLimits,
  type EnforceOptions,
  type EnforceRateLimit,
} from "./enforce.js";

export type RateLimitRouteOptions<Args extends readonly [Request, ...unknown[]]> = RateLimitGuardOptions &
  ToFetchOptions<Args>;

/** Limits a route handler, of Next or of any runtime that passes a fetch `Request`. */
export function rateLimit<Args extends readonly [Request, ...unknown[]]>(
  limiter: RateLimiter,
  handler: FetchHandler<Args>,
  options: RateLimitRouteOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  const { remoteAddress, ...guardOptions } = options;
  return toFetch(rateLimitGuard(limiter, guardOptions), handler, remoteAddress && { remoteAddress });
}
