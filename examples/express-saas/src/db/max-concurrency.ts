import type { PlanResolver } from "@scale/core";

/**
 * Returns the maximum number of statements and transactions a tenant runs at the same time in this process, by its plan.
 * While the plan is being looked up, the limit of the smallest plan applies.
 */
export function maxConcurrencyByPlan(resolver: PlanResolver): (tenantId: string) => number {
  const maxConnectionsOf = (plan: string): number => resolver.plans.resolve(plan).database?.maxConnections ?? 1;
  const smallest = Math.min(...resolver.plans.names.map(maxConnectionsOf));
  return (tenantId) => {
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return plan.database?.maxConnections ?? smallest;
    // The request that needs the plan reports the error.
    plan.catch(() => undefined);
    return smallest;
  };
}
