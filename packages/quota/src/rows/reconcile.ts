import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { driftFind } from "../events.js";
import type { Grant } from "../plan/grant.js";
import { type MetricStatus, statusOf } from "../plan/status.js";
import type { Reconciled } from "../types.js";
import { counterOf, metricOf, type RowsAddress, type RowsQuotaOptions } from "./requests.js";

/**
 * Status of metrics of one tenant, in the order of the grants. A metric without a counter is counted, and its counter is
 * created, unless it is unlimited in the plan.
 */
export async function readStatus<Db>(
  options: RowsQuotaOptions<Db>,
  grants: readonly Grant[],
  userId: string | undefined,
): Promise<readonly MetricStatus[]> {
  const [first] = grants;
  if (first === undefined) return [];
  const { store } = options;
  const { tenantId } = first;
  const counters = grants.map(({ metric, kind }) => ({ ...counterOf(options, { tenantId, metric, userId }), kind }));
  const names = counters.map(({ name }) => name);
  let found = await store.read(tenantId, names);
  const missing = counters.filter(({ kind, count }, i) => {
    return found[i] === undefined && kind !== "unlimited" && count !== undefined;
  });
  for (const { name, count } of missing) if (count) await store.reconcile({ tenantId, metric: name, count });
  if (missing.length > 0) found = await store.read(tenantId, names);
  return grants.map((grant, i) => {
    const { used = 0, asOf } = found[i] ?? {};
    const { unit } = metricOf(options, grant.metric);
    return statusOf(grant, { unit, used, held: 0, resetsAt: undefined, exact: grant.kind !== "unlimited", asOf });
  });
}

/** Compares a counter with the rows, corrects it, and publishes the drift. */
export async function reconcile<Db>(
  options: RowsQuotaOptions<Db>,
  address: RowsAddress,
  tx: Db | undefined,
): Promise<Reconciled> {
  const { tenantId, metric } = address;
  const { name, count } = counterOf(options, address);
  if (count === undefined) throw new ConfigError(`reconcile: rows metric ${describeValue(metric)} has no count`);
  const input = { tenantId, metric: name, count, ...(tx !== undefined && { tx }) };
  const result = await options.store.reconcile(input);
  if (result.corrected && result.drift !== 0) {
    driftFind.publish(() => ({ tenantId, metric, period: undefined, ...result }));
  }
  return result;
}
