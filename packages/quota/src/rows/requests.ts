import { describeValue } from "@scale/core/kit";
import type { UnitsByMetric } from "../plan/admit.js";
import { type CountedBy, countName, currentUser } from "../plan/count-name.js";
import type { Grant, Grants } from "../plan/grant.js";
import { checkUnits } from "../plan/units.js";
import type { RowsChange, RowsMetric, RowsOutcome, RowsStore } from "../types.js";

export interface RowsQuotaOptions<Db> {
  readonly metrics: ReadonlyMap<string, RowsMetric<Db, CountedBy>>;
  readonly store: RowsStore<Db>;
  readonly grants: Grants;
}

/** One metric of a call, with the limit in the tenant's plan. `metric` is the name of its counter. */
export interface RowsRequest extends RowsChange {
  readonly grant: Grant;
  readonly thresholds: readonly number[] | undefined;
}

/** A metric of a tenant, or of one of its users. */
export interface RowsAddress {
  readonly tenantId: string;
  readonly metric: string;
  readonly userId?: string | undefined;
}

/** Name of the counter of a metric, and a function that counts its rows. */
export function counterOf<Db>(
  options: RowsQuotaOptions<Db>,
  { tenantId, metric, userId = currentUser(tenantId) }: RowsAddress,
): { readonly name: string; readonly count: ((db: Db) => Promise<number>) | undefined } {
  const { count, by } = metricOf(options, metric);
  const name = countName({ metric, by }, { tenantId, userId });
  const user = by === "user" ? userId : undefined;
  return {
    name,
    count: count && (async (db) => (user === undefined ? count(tenantId, db) : count(tenantId, db, user))),
  };
}

/** @throws {TypeError} for a name that is not a metric of rows */
export function metricOf<Db>({ metrics }: RowsQuotaOptions<Db>, name: string): RowsMetric<Db, CountedBy> {
  const metric = metrics.get(name);
  if (metric !== undefined) return metric;
  throw new TypeError(`expected a rows metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(name)}`);
}

/** @throws {TypeError} for unknown metrics and wrong units, before a backend is called */
export async function requestsOf<Db>(
  options: RowsQuotaOptions<Db>,
  {
    tenantId,
    units,
    tx,
    userId,
  }: { readonly tenantId: string; readonly units: UnitsByMetric; readonly tx: Db; readonly userId: string | undefined },
): Promise<readonly RowsRequest[]> {
  const checked = Object.entries(units).map(([metric, n]) => {
    const { thresholds } = metricOf(options, metric);
    const { name, count } = counterOf(options, { tenantId, metric, userId });
    return { metric, thresholds, name, count, units: checkUnits(n, metric) };
  });
  const requests: RowsRequest[] = [];
  for (const { metric, name, count, ...rest } of checked) {
    const granted = await options.grants.grant(tenantId, metric);
    const grant = name === metric ? granted : { ...granted, userId: userId ?? currentUser(tenantId) };
    requests.push({ ...rest, metric: name, max: grant.max, count: count && (async () => count(tx)), grant });
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
