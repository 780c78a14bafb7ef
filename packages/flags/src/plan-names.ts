import type { PlanResolver } from "@scale/core";

/**
 * Makes `planOf` of a plan resolver: the name of the plan that it has in memory. For a tenant that it does not know yet, it
 * starts the look-up and returns `undefined`: rules for plans then do not match until the answer is there.
 */
export function planNames(resolver: Pick<PlanResolver, "resolve">): (tenantId: string) => string | undefined {
  return (tenantId) => {
    const plan = resolver.resolve(tenantId);
    if ("name" in plan) return plan.name;
    // The resolver publishes failures, and rejects to the callers that need the plan.
    plan.catch(() => undefined);
    return undefined;
  };
}
