import type { Plans } from "@scale/core";
import { problem, type Reply } from "@scale/http";
import { explain } from "./explain.js";
import type { Decision } from "../types.js";
import { upgradeFor } from "./upgrade.js";

/**
 * The reply to a denied request: 429 for a rule that refused, 503 for a failure policy.
 * @param policyOf the name in the response of a rule
 */
export function denial(plans: Plans | undefined, decision: Decision, policyOf: (rule: string) => string): Reply {
  if (decision.decidedBy === "policy") {
    return problem({
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      title: "Request cannot be satisfied due to temporary server capacity constraints",
      status: 503,
      code: "SCALE_RATE_LIMIT_UNAVAILABLE",
    });
  }
  const upgrade = plans && upgradeFor(plans, decision);
  return problem({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    detail: explain(decision, upgrade),
    code: "SCALE_RATE_LIMITED",
    "violated-policies": decision.violated.map((rule) => policyOf(rule)),
    ...(Number.isFinite(decision.retryAfterMs) && { retryAfterMs: decision.retryAfterMs }),
    upgrade: upgrade && { ...upgrade, limits: upgrade.limits.map((each) => ({ ...each, name: policyOf(each.name) })) },
  });
}
