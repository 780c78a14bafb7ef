import { systemClock } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { parseQuotaOptions, type QuotaOptions } from "./options.js";
import { createPeriodLookup } from "./period/current.js";
import { orThrow, recordOf } from "./plan/admit.js";
import { countName, currentUser } from "./plan/count-name.js";
import { createGrants } from "./plan/grant.js";
import { createStatusReader } from "./plan/read-status.js";
import { type QuotaCheck, refusedUnits } from "./plan/status.js";
import { checkUnits } from "./plan/units.js";
import type { CheckOptions, MetricName, Quota } from "./quota-interface.js";
import { createRowsQuota, type RowsQuota } from "./rows/rows-quota.js";
import type { Definitions } from "./types.js";
import { credit, type CreditQuotaOptions, rollover } from "./usage/credits.js";
import { createUsageQuota, type UsageQuota } from "./usage/usage-quota.js";

/**
 * Enforces the quotas of the tenants' plans.
 * @throws {ConfigError} with the plan and the metric, when a plan lacks a limit for a metric
 */
export function createQuota<const Metrics extends Definitions<Db>, Db>(
  options: QuotaOptions<Metrics, Db>,
): Quota<Metrics, Db> {
  const { rowsMetrics, usageMetrics, whenUsageFails } = parseQuotaOptions(options);
  const { plans, usage: store, clock = systemClock } = options;
  const grants = createGrants(plans);
  const periods = createPeriodLookup({ usageMetrics, subscription: options.subscription, clock });
  const currentPeriod = periods.current;
  const rows = options.rows && createRowsQuota({ metrics: rowsMetrics, store: options.rows, grants });
  const usage = store && createUsageQuota({ metrics: usageMetrics, store, grants, currentPeriod, whenUsageFails });
  const isRows = (metric: string): boolean => rowsMetrics.has(metric);
  const readStatus = createStatusReader({ grants, isRows, readRows: rows?.status, readUsage: usage?.status });
  const metrics = Object.keys(options.metrics) as MetricName<Metrics>[];

  async function check(tenantId: string, metric: string, wanted: number | CheckOptions = {}): Promise<QuotaCheck> {
    const { units = 1, ...user } = typeof wanted === "object" ? wanted : { units: wanted };
    const requested = Math.max(1, checkUnits(units, metric));
    const [found] = Object.hasOwn(options.metrics, metric) ? await readStatus(tenantId, [metric], user) : [];
    if (found === undefined) throw unknownMetric(metric, metrics);
    const refused = refusedUnits(found, requested);
    const [refusal] = refused === undefined ? [] : grants.refusals([refused]);
    return { metric, requested, allowed: refusal === undefined, refusal, ...found.status };
  }

  return {
    metrics,
    ...rowsMethods<Metrics, Db>(rows),
    ...usageMethods<Metrics>(usage),
    ...creditMethods<Metrics>(
      store && { metrics: usageMetrics, store, grants, currentPeriod, previousPeriod: periods.previous },
    ),
    check,
    async status(tenantId, user = {}) {
      parseTenantId(tenantId);
      const isKnown = (user.userId ?? currentUser(tenantId)) !== undefined;
      const shown = metrics.filter((metric) => isKnown || options.metrics[metric]?.by !== "user");
      const found = await readStatus(tenantId, shown, user);
      return { tenantId, metrics: recordOf(found.map(({ grant, status }) => [grant.metric, status])) };
    },
    async reconcile(tenantId, metric, tx) {
      parseTenantId(tenantId);
      if (rows !== undefined && isRows(metric)) return rows.reconcile({ tenantId, metric }, tx);
      const definition = usageMetrics.get(metric);
      if (store === undefined || definition === undefined) throw unknownMetric(metric, metrics);
      const name = countName({ metric, by: definition.by }, { tenantId, userId: undefined });
      return store.reconcile({ tenantId, metric: name, period: await currentPeriod(tenantId, metric) });
    },
  };
}

function rowsMethods<Metrics, Db>(
  quota: RowsQuota<Db> | undefined,
): Pick<Quota<Metrics, Db>, "use" | "tryUse" | "giveBack"> {
  // Without a store no metric is of rows, and no call compiles.
  const rows = (): RowsQuota<Db> => quota ?? missing("rows");
  return {
    use: async (tenantId, units, options) => orThrow(await rows().tryUse(tenantId, units, options)),
    tryUse: async (tenantId, units, options) => rows().tryUse(tenantId, units, options),
    giveBack: async (tenantId, units, options) => rows().giveBack(tenantId, units, options),
  };
}

function usageMethods<Metrics>(
  quota: UsageQuota | undefined,
): Pick<Quota<Metrics, unknown>, "reserve" | "tryReserve" | "consume" | "tryConsume"> {
  // Without a store no metric is of usage, and no call compiles.
  const usage = (): UsageQuota => quota ?? missing("usage");
  return {
    reserve: async (tenantId, units, options = {}) => orThrow(await usage().tryReserve(tenantId, units, options)),
    tryReserve: async (tenantId, units, options = {}) => usage().tryReserve(tenantId, units, options),
    consume: async (tenantId, units, options = {}) => orThrow(await usage().tryConsume(tenantId, units, options)),
    tryConsume: async (tenantId, units, options = {}) => usage().tryConsume(tenantId, units, options),
  };
}

function creditMethods<Metrics>(
  options: CreditQuotaOptions | undefined,
): Pick<Quota<Metrics, unknown>, "credit" | "rollover"> {
  // Without a store no metric is of usage, and no call compiles.
  const usage = (): CreditQuotaOptions => options ?? missing("usage");
  return {
    credit: async (tenantId, units, by) => recordOf(await credit(usage(), { ...by, tenantId, units })),
    rollover: async (tenantId, metric, by = {}) => rollover(usage(), { ...by, tenantId, metric }),
  };
}

function missing(kind: "rows" | "usage"): never {
  throw new TypeError(`expected a metric made with ${kind}(…), got none: this quota has no ${kind} metrics`);
}

const unknownMetric = (metric: unknown, known: readonly string[]): TypeError =>
  new TypeError(`unknown metric ${describeValue(metric)}, known: ${known.join(", ")}`);
