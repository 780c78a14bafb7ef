import { type TenantContext, tenancy } from "@scale/core";
import { type HttpFacts, type HttpGuard, problem, type Reply } from "@scale/http";
import { rateLimitHeaders } from "./headers.js";
import type { CheckOptions, RateLimiter } from "./limiter.js";
import type { Decision } from "./types.js";

export interface RateLimitGuardOptions {
  /**
   * Who a request is counted for.
   * @default the tenant, user and address of `tenancy.require()`
   */
  readonly subject?: (facts: HttpFacts) => TenantContext;
  /** Adds the rules of this group of the plan. */
  readonly group?: string;
  /**
   * Units that a request costs.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number);
}

/** Answers 429 to what the limiter denies, 503 when it denies because its store cannot answer, and tells the limits to all. */
export function rateLimitGuard(limiter: RateLimiter, options: RateLimitGuardOptions = {}): HttpGuard {
  const { subject = () => tenancy.require(), group, cost = 1 } = options;
  return async (facts) => {
    const check: CheckOptions = {
      cost: typeof cost === "function" ? cost(facts) : cost,
      ...(group !== undefined && { group }),
    };
    const decision = await limiter.check(subject(facts), check);
    const headers = rateLimitHeaders(decision);
    return decision.allowed ? { headers } : { headers, reply: denial(decision) };
  };
}

function denial(decision: Decision): Reply {
  if (decision.decidedBy === "policy") {
    return problem({
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      title: "Request cannot be satisfied due to temporary server capacity constraints",
      status: 503,
      code: "SCALE_RATE_LIMIT_UNAVAILABLE",
    });
  }
  return problem({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    code: "SCALE_RATE_LIMITED",
    "violated-policies": decision.violated,
    ...(Number.isFinite(decision.retryAfterMs) && { retryAfterMs: decision.retryAfterMs }),
  });
}
