import { systemClock } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { createContext } from "./plan/grant.js";
import { parseQuotaOptions, type QuotaOptions } from "./options.js";
import type { Definitions, MetricName, Quota, QuotaStatus } from "./quota-interface.js";
import { createUsageQuota } from "./usage/usage-quota.js";
import { usageMethods } from "./reserve-methods.js";
import { createRowsQuota } from "./rows/rows-quota.js";
import { rowsMethods } from "./rows-methods.js";
import { createPeriods, createStandings } from "./plan/standings.js";
import { type QuotaCheck, refusedUnits, statusOf } from "./plan/status.js";
import { checkUnits } from "./plan/units.js";

/**
 * Enforces the quotas of the tenants' plans.
 * @throws {ConfigError} that names the plan and the metric, when a plan does not say a limit for every metric
 */
export function createQuota<const Metrics extends Definitions<Db>, Db>(
  options: QuotaOptions<Metrics, Db>,
): Quota<Metrics, Db> {
  const { rowsMetrics, usageMetrics, whenUsageFails: whenFails } = parseQuotaOptions(options);
  const { plans, usage, clock = systemClock } = options;
  const context = createContext(plans);
  const rows = options.rows && createRowsQuota({ metrics: rowsMetrics, store: options.rows, context });
  const periods = createPeriods({ usageMetrics, subscription: options.subscription, clock });
  const reservations = usage && createUsageQuota({ metrics: usageMetrics, store: usage, context, periods, whenFails });
  const standings = createStandings({ context, rowsMetrics, usageMetrics, rows, usage, periods });
  const metrics = Object.keys(options.metrics) as MetricName<Metrics>[];

  async function check(tenantId: string, metric: string, units = 1): Promise<QuotaCheck> {
    const requested = Math.max(1, checkUnits(units, metric));
    if (!Object.hasOwn(options.metrics, metric)) throw unknownMetric(metric, metrics);
    const [position] = await standings(tenantId, [metric]);
    if (position === undefined) throw unknownMetric(metric, metrics);
    const refused = refusedUnits(position, requested);
    const [refusal] = refused === undefined ? [] : context.refusals([refused]);
    return { metric, requested, allowed: refusal === undefined, refusal, ...statusOf(position) };
  }

  return {
    metrics,
    ...rowsMethods<Metrics, Db>(rows),
    ...usageMethods<Metrics>(reservations),
    check,
    async status(tenantId) {
      const positions = await standings(parseTenantId(tenantId), metrics);
      const entries = positions.map((position) => [position.grant.metric, statusOf(position)]);
      return { tenantId, metrics: Object.fromEntries(entries) as QuotaStatus<Metrics>["metrics"] };
    },
    async reconcile(tenantId, metric, tx) {
      parseTenantId(tenantId);
      if (rows !== undefined && rowsMetrics.has(metric)) return rows.reconcile(tenantId, metric, tx);
      if (usage === undefined || !usageMetrics.has(metric)) throw unknownMetric(metric, metrics);
      return usage.reconcile({ tenantId, metric, period: await periods(tenantId, metric) });
    },
  };
}

const unknownMetric = (metric: unknown, known: readonly string[]): TypeError =>
  new TypeError(`unknown metric ${describeValue(metric)}, known: ${known.join(", ")}`);
