import { type PlanResolver, PlanError, type QuotaLimit } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { useRefuse } from "../events.js";
import type { QuotaRefusal } from "../types.js";
import { withCredit } from "./credit.js";

/** Limit of one metric in a tenant's plan. */
export interface Grant extends QuotaLimit {
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
  /** User of a metric that is counted by user. */
  readonly userId?: string | undefined;
}

/** The count and the request that a refusal is made from. */
export interface RefusalInput extends Pick<QuotaRefusal, "used" | "held" | "requested" | "resetsAt"> {
  readonly grant: Grant;
}

/** The limits of the tenants' plans, and the refusals made from them. */
export interface Grants {
  /**
   * @throws {TenantError} for an invalid tenant id
   * @throws {PlanError} when the tenant's plan is unknown, or has no limit for the metric
   */
  grant(tenantId: string, metric: string): Promise<Grant>;
  /** Refusals of one call. Their upgrade is the smallest plan that would have admitted all of them. */
  refusals(refused: readonly RefusalInput[]): readonly QuotaRefusal[];
  /** As `refusals`, and publishes each. */
  refuse(refused: readonly RefusalInput[]): readonly QuotaRefusal[];
}

export function createGrants(plans: PlanResolver): Grants {
  async function grant(tenantId: string, metric: string): Promise<Grant> {
    const { name, quota } = await plans.resolve(parseTenantId(tenantId));
    const limit = quota !== undefined && Object.hasOwn(quota, metric) ? quota[metric] : undefined;
    // The plan file was checked; overrides of one tenant may still lack the metric.
    if (limit === undefined)
      throw new PlanError(`plan ${describeValue(name)} has no quota ${describeValue(metric)}`, { status: 403 });
    return { ...limit, tenantId, metric, plan: name };
  }

  function refusals(refused: readonly RefusalInput[]): readonly QuotaRefusal[] {
    const [first] = refused;
    if (first === undefined) return [];
    const upgrade = plans.plans.upgrade(first.grant.plan, ({ quota }) =>
      refused.every(({ grant: { metric }, used, held, requested }) => {
        return used + held + requested <= (quota?.[metric]?.max ?? 0);
      }),
    );
    return refused.map(({ grant: { kind: _kind, ...bounds }, ...counts }) => {
      const { max, used } = withCredit({ max: bounds.max, used: counts.used });
      return { ...bounds, ...counts, max, used, upgrade };
    });
  }

  return {
    grant,
    refusals,
    refuse(refused) {
      const all = refusals(refused);
      for (const refusal of all) useRefuse.publish(() => refusal);
      return all;
    },
  };
}
