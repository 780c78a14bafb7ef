import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { driftFind } from "../events.js";
import type { Grant } from "../plan/grant.js";
import { type MetricStatus, statusOf } from "../plan/status.js";
import type { CountRows, Reconciled } from "../types.js";
import { metricOf, type RowsQuotaOptions } from "./requests.js";

/**
 * Status of metrics of one tenant, in the order of the grants. A metric without a counter is counted, and its counter is
 * created, unless it is unlimited in the plan.
 */
export async function readStatus<Db>(
  options: RowsQuotaOptions<Db>,
  grants: readonly Grant[],
): Promise<readonly MetricStatus[]> {
  const [first] = grants;
  if (first === undefined) return [];
  const { store } = options;
  const { tenantId } = first;
  const names = grants.map(({ metric }) => metric);
  let found = await store.read(tenantId, names);
  if (
    await createCounters(
      options,
      grants.filter((_, i) => found[i] === undefined),
    )
  ) {
    found = await store.read(tenantId, names);
  }
  return grants.map((grant, i) => {
    const { used = 0, asOf } = found[i] ?? {};
    const { unit } = metricOf(options, grant.metric);
    return statusOf(grant, { unit, used, held: 0, resetsAt: undefined, exact: grant.kind !== "unlimited", asOf });
  });
}

/** @returns true when a counter was created */
async function createCounters<Db>(options: RowsQuotaOptions<Db>, grants: readonly Grant[]): Promise<boolean> {
  let isCreated = false;
  for (const { tenantId, metric, kind } of grants) {
    const { count } = metricOf(options, metric);
    if (kind === "unlimited" || count === undefined) continue;
    await options.store.reconcile({ tenantId, metric, count: bind(count, tenantId) });
    isCreated = true;
  }
  return isCreated;
}

/** Compares a counter with the rows, corrects it, and publishes the drift. */
export async function reconcile<Db>(
  options: RowsQuotaOptions<Db>,
  { tenantId, metric, tx }: { readonly tenantId: string; readonly metric: string; readonly tx: Db | undefined },
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
