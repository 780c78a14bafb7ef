import { describeValue } from "@scale/core/kit";
import type { UnitsByMetric } from "../plan/admit.js";
import type { Grant, Grants } from "../plan/grant.js";
import { checkUnits } from "../plan/units.js";
import type { RowsChange, RowsMetric, RowsOutcome, RowsStore } from "../types.js";

export interface RowsQuotaOptions<Db> {
  readonly metrics: ReadonlyMap<string, RowsMetric<Db>>;
  readonly store: RowsStore<Db>;
  readonly grants: Grants;
}

/** One metric of a call, with the limit in the tenant's plan. */
export interface RowsRequest extends RowsChange {
  readonly grant: Grant;
}

/** @throws {TypeError} for a name that is not a metric of rows */
export function metricOf<Db>({ metrics }: RowsQuotaOptions<Db>, name: string): RowsMetric<Db> {
  const metric = metrics.get(name);
  if (metric !== undefined) return metric;
  throw new TypeError(`expected a rows metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(name)}`);
}

/** @throws {TypeError} for unknown metrics and wrong units, before a backend is called */
export async function requestsOf<Db>(
  options: RowsQuotaOptions<Db>,
  { tenantId, units, tx }: { readonly tenantId: string; readonly units: UnitsByMetric; readonly tx: Db },
): Promise<readonly RowsRequest[]> {
  const checked = Object.entries(units).map(([metric, n]) => {
    return { metric, definition: metricOf(options, metric), units: checkUnits(n, metric) };
  });
  const requests: RowsRequest[] = [];
  for (const { metric, definition, units: n } of checked) {
    const grant = await options.grants.grant(tenantId, metric);
    const { count: countRows } = definition;
    const count = countRows === undefined ? undefined : async (): Promise<number> => countRows(tenantId, tx);
    requests.push({ metric, units: n, max: grant.max, count, grant });
  }
  return requests;
}

/** False for a metric that is unlimited in the tenant's plan: its count is not kept. */
export const isCounted = ({ grant }: RowsRequest): boolean => grant.kind !== "unlimited";

/** Outcome of requests for 0 units: whether one unit would be admitted. Nothing is locked or written. */
export async function peek<Db>(
  store: RowsStore<Db>,
  requests: readonly RowsRequest[],
  tx: Db,
): Promise<readonly RowsOutcome[]> {
  const [first] = requests;
  if (first === undefined) return [];
  const names = requests.map(({ metric }) => metric);
  const found = await store.read(first.grant.tenantId, names, tx);
  const outcomes: RowsOutcome[] = [];
  for (const [i, { metric, max, count }] of requests.entries()) {
    const used = found[i]?.used ?? (await count?.()) ?? 0;
    outcomes.push({ metric, admitted: used + 1 <= max, before: used, used });
  }
  return outcomes;
}
