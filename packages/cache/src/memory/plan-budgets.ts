import type { Plan, PlanResolver } from "@scale/core";
import type { Budget } from "./types.js";

/** As long as the resolver remembers that a look-up failed. */
const UNKNOWN_MS = 1000;

/**
 * For `memory.budgets` of `createCache`: gives each tenant what `cache` of its plan says.
 *
 * A plan that the resolver does not know yet is looked up in the background. Until it is known, and when it cannot be had,
 * the tenant has the smallest share and the smallest cap of all plans, and no weight above 1: never more than any plan
 * gives. It is asked for again with a write a second later; one that is known, after a minute.
 */
export function budgetsFromPlans(resolver: PlanResolver): (tenantId: string) => Budget {
  return (tenantId) => {
    // What belongs to no tenant has no plan.
    if (tenantId === "") return {};
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return budgetOf(plan);
    // The resolver publishes what it falls back to; an error reaches whoever needs the plan.
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
