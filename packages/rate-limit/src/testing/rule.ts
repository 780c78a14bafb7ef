import type { RateLimitRule } from "@scale/core";

/** A rule of a plan in the form that stores get, with what is left out as a plan file would fill it in. */
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
