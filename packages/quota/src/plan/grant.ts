import { type PlanResolver, PlanError, type QuotaLimit } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { useRefuse } from "../events.js";
import type { QuotaRefusal } from "../types.js";

/** What a tenant's plan says of one metric. */
export interface Grant extends QuotaLimit {
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
}

/** What was asked of one grant, and where its count stood then. */
export interface Asked {
  readonly grant: Grant;
  readonly used: number;
  readonly held: number;
  readonly requested: number;
  readonly resetsAt: number | undefined;
}

/** What rows and usage have in common: who may have how much, and what a refusal says. */
export interface QuotaContext {
  /**
   * @throws {TenantError} for an id that cannot be one
   * @throws {PlanError} when the tenant's plan cannot be known, or says nothing of the metric
   */
  grant(tenantId: string, metric: string): Promise<Grant>;
  /** What to tell of a refusal: the upgrade is the smallest plan that would have admitted all that was refused. */
  refusals(asked: readonly Asked[]): readonly QuotaRefusal[];
  /** `refusals`, published. */
  refuse(asked: readonly Asked[]): readonly QuotaRefusal[];
}

export function createContext(plans: PlanResolver): QuotaContext {
  async function grant(tenantId: string, metric: string): Promise<Grant> {
    const { name, quota } = await plans.resolve(parseTenantId(tenantId));
    const limit = quota !== undefined && Object.hasOwn(quota, metric) ? quota[metric] : undefined;
    // The plan file was checked; overrides of one tenant may still be without it.
    if (limit === undefined)
      throw new PlanError(`plan ${describeValue(name)} has no quota ${describeValue(metric)}`, { status: 403 });
    return { ...limit, tenantId, metric, plan: name };
  }

  function refusals(asked: readonly Asked[]): readonly QuotaRefusal[] {
    const [first] = asked;
    if (first === undefined) return [];
    const upgrade = plans.plans.upgrade(first.grant.plan, ({ quota }) =>
      asked.every(({ grant: { metric }, used, held, requested }) => {
        return used + held + requested <= (quota?.[metric]?.max ?? 0);
      }),
    );
    return asked.map(({ grant: { kind: _kind, ...bounds }, ...counts }) => ({ ...bounds, ...counts, upgrade }));
  }

  return {
    grant,
    refusals,
    refuse(asked) {
      const all = refusals(asked);
      for (const refusal of all) useRefuse.publish(() => refusal);
      return all;
    },
  };
}
