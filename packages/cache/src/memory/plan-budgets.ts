import type { Plan, PlanResolver } from "@scale/core";
import type { Budget } from "./types.js";

/** The time for which the resolver remembers a failed look-up. */
const UNKNOWN_MS = 1000;

/**
 * Creates `memory.budgets` of `createCache` from the `cache` field of each tenant's plan.
 *
 * A plan that the resolver does not know yet is looked up in the background. Until it is known, and when the look-up fails,
 * the tenant has the smallest share and the smallest cap of all plans, and a weight of at most 1: never more than its plan
 * could grant. A write asks again after a second; for a known plan, after a minute.
 */
export function budgetsFromPlans(resolver: PlanResolver): (tenantId: string) => Budget {
  return (tenantId) => {
    // Values that belong to no tenant have no plan.
    if (tenantId === "") return {};
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return budgetOf(plan);
    // The resolver publishes its fallback; callers that need the plan get the error.
    plan.catch(() => undefined);
    return smallest(resolver);
  };
}

const budgetOf = ({ cache }: Plan): Budget => cache ?? {};

function smallest({ plans }: PlanResolver): Budget {
  let weight = 1;
  let maxBytes = Infinity;
  for (const name of plans.names) {
    const { cache } = plans.resolve(name);
    weight = Math.min(weight, cache?.weight ?? 1);
    maxBytes = Math.min(maxBytes, cache?.maxBytes ?? Infinity);
  }
  return { weight, maxBytes, validMs: UNKNOWN_MS };
}
