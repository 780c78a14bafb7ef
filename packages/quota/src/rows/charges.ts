import { describeValue } from "@scale/core/kit";
import type { UnitsByMetric } from "../plan/admit.js";
import type { Grant, QuotaContext } from "../plan/grant.js";
import type { RowsChange, RowsMetric, RowsOutcome, RowsStore } from "../types.js";
import { checkUnits } from "../plan/units.js";

export interface RowsQuotaOptions<Db> {
  readonly metrics: ReadonlyMap<string, RowsMetric<Db>>;
  readonly store: RowsStore<Db>;
  readonly context: QuotaContext;
}

/** One metric of a call, with what the plan says of it. */
export interface Charge extends RowsChange {
  readonly grant: Grant;
}

interface Asked<Db> {
  readonly tenantId: string;
  readonly units: UnitsByMetric;
  readonly tx: Db;
}

/** @throws {TypeError} for what is no metric of rows */
export function metricOf<Db>({ metrics }: RowsQuotaOptions<Db>, name: string): RowsMetric<Db> {
  const metric = metrics.get(name);
  if (metric !== undefined) return metric;
  throw new TypeError(`expected a rows metric, one of ${[...metrics.keys()].join(", ")}, got ${describeValue(name)}`);
}

/** @throws {TypeError} before anything is asked */
export async function chargesOf<Db>(
  options: RowsQuotaOptions<Db>,
  { tenantId, units, tx }: Asked<Db>,
): Promise<readonly Charge[]> {
  const wanted = Object.entries(units).map(([metric, n]) => {
    return { metric, definition: metricOf(options, metric), units: checkUnits(n, metric) };
  });
  const charges: Charge[] = [];
  for (const { metric, definition, units: n } of wanted) {
    const grant = await options.context.grant(tenantId, metric);
    const counted = definition.count;
    const count = counted === undefined ? undefined : async (): Promise<number> => counted(tenantId, tx);
    charges.push({ metric, units: n, max: grant.max, count, grant });
  }
  return charges;
}

/** False for a metric of which the tenant's plan keeps no count. */
export const isCounted = ({ grant }: Charge): boolean => grant.kind !== "unlimited";

/** What 0 units ask: whether one would be admitted. Nothing is locked or written. */
export async function peek<Db>(
  store: RowsStore<Db>,
  charges: readonly Charge[],
  tx: Db,
): Promise<readonly RowsOutcome[]> {
  const [first] = charges;
  if (first === undefined) return [];
  const names = charges.map(({ metric }) => metric);
  const found = await store.read(first.grant.tenantId, names, tx);
  const outcomes: RowsOutcome[] = [];
  for (const [i, { metric, max, count }] of charges.entries()) {
    const used = found[i]?.used ?? (await count?.()) ?? 0;
    outcomes.push({ metric, admitted: used + 1 <= max, before: used, used });
  }
  return outcomes;
}
