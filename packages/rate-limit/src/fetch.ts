import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import { type RateLimitGuardOptions, rateLimitGuard } from "./http/guard.js";
import type { RateLimiter } from "./limiter.js";

/** Limits a fetch handler: a Next route handler, or any function from a `Request` to a `Response`. */
export function rateLimit<Args extends readonly [Request, ...unknown[]], Group extends string>(
  limiter: RateLimiter<Group>,
  handler: FetchHandler<Args>,
  options: RateLimitGuardOptions<NoInfer<Group>> & ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  const { remoteAddress, ...guardOptions } = options;
  return toFetch(rateLimitGuard(limiter, guardOptions), handler, remoteAddress && { remoteAddress });
}
