import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Grant } from "../plan/grant.js";
import { driftFind } from "../events.js";
import { metricOf, type RowsQuotaOptions } from "./charges.js";
import type { CountRows, Reconciled, RowsStanding } from "../types.js";

/** Where metrics stand. One without a counter is counted, and has one then, unless the plan keeps none. */
export async function standings<Db>(
  options: RowsQuotaOptions<Db>,
  grants: readonly Grant[],
): Promise<readonly (RowsStanding | undefined)[]> {
  const [first] = grants;
  if (first === undefined) return [];
  const { store } = options;
  const { tenantId } = first;
  const names = grants.map(({ metric }) => metric);
  const found = await store.read(tenantId, names);
  let isChanged = false;
  for (const [i, { metric, kind }] of grants.entries()) {
    if (found[i] !== undefined || kind === "unlimited") continue;
    const { count } = metricOf(options, metric);
    if (count === undefined) continue;
    await store.reconcile({ tenantId, metric, count: bind(count, tenantId) });
    isChanged = true;
  }
  return isChanged ? store.read(tenantId, names) : found;
}

interface Compared<Db> {
  readonly tenantId: string;
  readonly metric: string;
  readonly tx: Db | undefined;
}

/** Compares a counter with the rows, corrects it, and publishes how far they were apart. */
export async function reconcile<Db>(
  options: RowsQuotaOptions<Db>,
  { tenantId, metric, tx }: Compared<Db>,
): Promise<Reconciled> {
  const { count } = metricOf(options, metric);
  if (count === undefined) throw new ConfigError(`reconcile: rows metric ${describeValue(metric)} has no count`);
  const input = { tenantId, metric, count: bind(count, tenantId), ...(tx !== undefined && { tx }) };
  const result = await options.store.reconcile(input);
  if (result.corrected && result.drift !== 0) {
    driftFind.publish(() => ({ tenantId, metric, period: undefined, ...result }));
  }
  return result;
}

const bind =
  <Db>(count: CountRows<Db>, tenantId: string) =>
  async (db: Db): Promise<number> =>
    count(tenantId, db);
