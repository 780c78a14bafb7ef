import { ConfigError, parseOptions, show, type TenantContext, tenancy } from "@scale/core";
import { type HttpFacts, type HttpGuard, problem, type Reply } from "@scale/http";
import { z } from "zod";
import { rateLimitHeaders } from "./headers.js";
import type { CheckOptions, RateLimiter } from "./limiter.js";
import type { Decision } from "./types.js";

export interface RateLimitGuardOptions {
  /**
   * Who a request is counted for.
   * @default the tenant, user and address of `tenancy.require()`
   */
  readonly subject?: (facts: HttpFacts) => TenantContext;
  /**
   * Adds the rules of this group of the plan. Where the same limiter has admitted the request before, further out in the
   * application, the group's rules decide alone: nothing is charged twice.
   */
  readonly group?: string;
  /**
   * Units that a request costs.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number);
}

const optionsSchema = z.strictObject({
  subject: z
    .custom<(facts: HttpFacts) => TenantContext>(isFunction, "expected a function")
    .default(() => tenancy.require),
  group: z.string().min(1).optional(),
  cost: z
    .union([z.int().min(0), z.custom<(facts: HttpFacts) => number>(isFunction, "expected a number or a function")])
    .default(1),
});

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** Answers 429 to what the limiter denies, 503 when it denies because its store cannot answer, and tells the limits to all. */
export function rateLimitGuard(limiter: RateLimiter, options: RateLimitGuardOptions = {}): HttpGuard {
  const { subject, group, cost } = parseOptions(optionsSchema, options, "rateLimitGuard");
  if (typeof limiter?.check !== "function")
    throw new ConfigError(`rateLimitGuard: expected a limiter, got ${show(limiter)}`);
  const admitted = admittedBy(limiter);
  return async (facts) => {
    const { raw } = facts;
    const known = typeof raw === "object" && raw !== null ? raw : facts;
    const check: CheckOptions = {
      cost: typeof cost === "function" ? cost(facts) : cost,
      ...(group !== undefined && { group, groupOnly: admitted.has(known) }),
    };
    const decision = await limiter.check(subject(facts), check);
    if (decision.allowed) admitted.add(known);
    const headers = rateLimitHeaders(decision);
    return decision.allowed ? { headers } : { headers, reply: denial(decision) };
  };
}

const requests = new WeakMap<RateLimiter, WeakSet<object>>();

/** The requests that a limiter has admitted, by the framework's own request, which all guards of a request share. */
function admittedBy(limiter: RateLimiter): WeakSet<object> {
  const known = requests.get(limiter) ?? new WeakSet<object>();
  requests.set(limiter, known);
  return known;
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
