import type { PlanResolver } from "@scale/core";

/**
 * How many statements and transactions of a tenant run at the same time in this process, by its plan. While that is not
 * known it has as many as the smallest plan.
 */
export function maxConcurrencyByPlan(resolver: PlanResolver): (tenantId: string) => number {
  const maxConnectionsOf = (plan: string): number => resolver.plans.resolve(plan).database?.maxConnections ?? 1;
  const smallest = Math.min(...resolver.plans.names.map(maxConnectionsOf));
  return (tenantId) => {
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return plan.database?.maxConnections ?? smallest;
    // Whoever needs the plan gets the error.
    plan.catch(() => undefined);
    return smallest;
  };
}
