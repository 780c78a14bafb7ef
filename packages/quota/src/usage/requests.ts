import { describeValue } from "@scale/core/kit";
import type { UnitsByMetric } from "../plan/admit.js";
import { type CountedBy, countName, currentUser } from "../plan/count-name.js";
import type { Grant, Grants } from "../plan/grant.js";
import { checkUnits } from "../plan/units.js";
import type { OverReserved, Period, UsageMetric } from "../types.js";
import type { ChangeOutcome, UsageChange, UsageStore } from "./store.js";

/** One metric of a call, with the limit in the tenant's plan and the current billing period. */
export interface UsageRequest {
  readonly grant: Grant;
  readonly units: number;
  readonly period: Period;
  /** Name of the count in the store. */
  readonly count: string;
  readonly thresholds: readonly number[] | undefined;
  /** Treatment of units above the reserved ones, when a commit does not say. */
  readonly over: OverReserved;
}

export interface RequestOptions {
  readonly metrics: ReadonlyMap<string, UsageMetric<CountedBy>>;
  readonly grants: Grants;
  readonly currentPeriod: (tenantId: string, metric: string) => Promise<Period>;
}

/** @throws {TypeError} for unknown metrics and wrong units, before a backend is called */
export async function requestsOf(
  { metrics, grants, currentPeriod }: RequestOptions,
  { tenantId, units, userId }: { readonly tenantId: string; readonly units: UnitsByMetric; readonly userId?: string },
): Promise<readonly UsageRequest[]> {
  const checked = Object.entries(units).map(([metric, n]) => {
    const definition = metrics.get(metric);
    if (definition === undefined)
      throw new TypeError(
        `expected a usage metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(metric)}`,
      );
    const count = countName({ metric, by: definition.by }, { tenantId, userId });
    const { thresholds, over } = definition;
    return { metric, count, thresholds, over, units: checkUnits(n, metric) };
  });
  const requests: UsageRequest[] = [];
  for (const { metric, ...rest } of checked) {
    const grant = await grants.grant(tenantId, metric);
    requests.push({
      ...rest,
      grant: rest.count === metric ? grant : { ...grant, userId: userId ?? currentUser(tenantId) },
      period: await currentPeriod(tenantId, metric),
    });
  }
  return requests;
}

export const changeOf = ({ grant: { limit, max }, units, period, count, thresholds }: UsageRequest): UsageChange => {
  return { metric: count, limit, max, units, period, ...(thresholds !== undefined && { thresholds }) };
};

/** Outcome of requests for 0 units: whether one unit would be admitted. */
export async function peek(store: UsageStore, requests: readonly UsageRequest[]): Promise<readonly ChangeOutcome[]> {
  const [first] = requests;
  if (first === undefined) return [];
  const metrics = requests.map(({ count, period }) => ({ metric: count, period }));
  const found = await store.read({ tenantId: first.grant.tenantId, metrics });
  return requests.map(({ grant: { max }, count, period }, i) => {
    const { used = 0, held = 0 } = found[i] ?? {};
    return { metric: count, period, admitted: used + held + 1 <= max, used, held, repeated: false, reached: [] };
  });
}
