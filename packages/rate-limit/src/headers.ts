import type { Decision, LimitState } from "./types.js";

/**
 * `RateLimit-Policy` and `RateLimit` as structured fields: each rule's limit and window, and what is left of it.
 * `t` is the time until the whole limit is there again, or, with nothing left, until the next unit is.
 *
 * Source: draft-ietf-httpapi-ratelimit-headers-10.
 */
export function rateLimitHeaders(decision: Decision): Record<string, string> {
  if (decision.limits.length === 0) return retryAfter(decision);
  return {
    "RateLimit-Policy": decision.limits.map(policyItem).join(", "),
    RateLimit: decision.limits.map(stateItem).join(", "),
    ...retryAfter(decision),
  };
}

const policyItem = ({ name, limit, windowMs }: LimitState): string =>
  `"${name}";q=${limit};w=${Math.max(1, Math.round(windowMs / 1000))}`;

const stateItem = (state: LimitState): string => `"${state.name}";r=${state.remaining};t=${untilMoreSeconds(state)}`;

function untilMoreSeconds({ remaining, resetMs, retryAfterMs }: LimitState): number {
  const ms = remaining === 0 && Number.isFinite(retryAfterMs) && retryAfterMs > 0 ? retryAfterMs : resetMs;
  return Math.ceil(ms / 1000);
}

function retryAfter({ allowed, retryAfterMs }: Decision): Record<string, string> {
  // A cost above the burst is never admitted: a time to try again would be a lie.
  if (allowed || !Number.isFinite(retryAfterMs)) return {};
  return { "Retry-After": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}
