import { describeValue } from "@scale/core/kit";
import type { UnitsByMetric } from "../plan/admit.js";
import type { Grant, Grants } from "../plan/grant.js";
import { checkUnits } from "../plan/units.js";
import type { Period, UsageMetric } from "../types.js";
import type { ChangeOutcome, UsageChange, UsageStore } from "./store.js";

/** One metric of a call, with the limit in the tenant's plan and the current billing period. */
export interface UsageRequest {
  readonly grant: Grant;
  readonly units: number;
  readonly period: Period;
}

/** @throws {TypeError} for unknown metrics and wrong units, before a backend is called */
export async function requestsOf(
  {
    metrics,
    grants,
    currentPeriod,
  }: {
    readonly metrics: ReadonlyMap<string, UsageMetric>;
    readonly grants: Grants;
    readonly currentPeriod: (tenantId: string, metric: string) => Promise<Period>;
  },
  tenantId: string,
  units: UnitsByMetric,
): Promise<readonly UsageRequest[]> {
  const checked = Object.entries(units).map(([metric, n]) => {
    if (metrics.has(metric)) return { metric, units: checkUnits(n, metric) };
    throw new TypeError(
      `expected a usage metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(metric)}`,
    );
  });
  const requests: UsageRequest[] = [];
  for (const { metric, units: n } of checked) {
    const grant = await grants.grant(tenantId, metric);
    requests.push({ grant, units: n, period: await currentPeriod(tenantId, metric) });
  }
  return requests;
}

export const changeOf = ({ grant: { metric, limit, max }, units, period }: UsageRequest): UsageChange => {
  return { metric, limit, max, units, period };
};

/** Outcome of requests for 0 units: whether one unit would be admitted. */
export async function peek(store: UsageStore, requests: readonly UsageRequest[]): Promise<readonly ChangeOutcome[]> {
  const [first] = requests;
  if (first === undefined) return [];
  const metrics = requests.map(({ grant: { metric }, period }) => ({ metric, period }));
  const found = await store.read({ tenantId: first.grant.tenantId, metrics });
  return requests.map(({ grant: { metric, max } }, i) => {
    const { used = 0, held = 0 } = found[i] ?? {};
    return { metric, admitted: used + held + 1 <= max, used, held, repeated: false, reached: [] };
  });
}
