import type { RateLimitRule } from "@scale/core";

/** A rule in the form that stores receive. Missing fields get the defaults of a plan file. */
export function ruleOf(rule: Partial<RateLimitRule> & Pick<RateLimitRule, "limit" | "windowMs">): RateLimitRule {
  return {
    name: "tenant",
    by: "tenant",
    algorithm: "gcra",
    burst: rule.limit,
    shadow: false,
    leaseMs: 0,
    whenStoreFails: undefined,
    ...rule,
  };
}
