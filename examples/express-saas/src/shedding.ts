import type { PlanResolver } from "@scale/core";
import type { HttpFacts } from "@scale/http";
import { createShedder, type RequestPriority, type Shedder, type TenantShare } from "@scale/shed";

/**
 * Requests in progress at once, and in the queue. The pools of the database serve fewer; a little more keeps them busy. The
 * traffic that the example sends itself shares its event loop, so that the bound for that one is above the default.
 */
const BOUNDS = { concurrency: { initial: 32, min: 16, max: 200 }, maxWaiting: 64, eventLoopDelayMs: 250 } as const;

/** Admits as much as the process handles. Under overload each tenant has a share by the weight of its plan. */
export function createCrmShedder(plans: PlanResolver): Shedder {
  return createShedder({ name: "crm", ...BOUNDS, share: shareByPlan(plans) });
}

/** The weight that the plan has in the cache too. A tenant whose plan is being looked up has that of the smallest plan. */
function shareByPlan(resolver: PlanResolver): (tenantId: string) => TenantShare {
  const weights = resolver.plans.names.map((name) => resolver.plans.resolve(name).cache?.weight ?? 1);
  const smallest = { weight: Math.min(...weights) };
  return (tenantId) => {
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return { weight: plan.cache?.weight ?? smallest.weight };
    // The rate limiter, which needs the plan, reports the error.
    plan.catch(() => undefined);
    return smallest;
  };
}

/** An export may come later than a page. */
export const priorityOf = ({ url }: HttpFacts): RequestPriority =>
  url.startsWith("/contacts/export") ? "low" : "normal";
