import { type Clock, ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Grant, QuotaContext } from "./grant.js";
import { periodAt } from "../period/period.js";
import type { RowsQuota } from "../rows/rows-quota.js";
import { type Position, resetsAt } from "./status.js";
import type { Period, RowsMetric, Subscription, UsageMetric, UsageStore } from "../types.js";

export interface StandingsOptions {
  readonly context: QuotaContext;
  readonly rowsMetrics: ReadonlyMap<string, RowsMetric<never>>;
  readonly usageMetrics: ReadonlyMap<string, UsageMetric>;
  readonly rows: Pick<RowsQuota<never>, "standings"> | undefined;
  readonly usage: UsageStore | undefined;
  readonly periods: Periods;
}

/** The period of a metric that is running now. */
export type Periods = (tenantId: string, metric: string) => Promise<Period>;

export interface PeriodsOptions {
  readonly usageMetrics: ReadonlyMap<string, UsageMetric>;
  readonly subscription: ((tenantId: string) => Subscription | Promise<Subscription>) | undefined;
  readonly clock: Clock;
}

export function createPeriods({ usageMetrics, subscription, clock }: PeriodsOptions): Periods {
  return async (tenantId, metric) => {
    const per = usageMetrics.get(metric)?.per ?? "forever";
    // `forever` has no boundaries: any anchor gives the same period.
    if (per === "forever") return periodAt({ anchor: 0 }, per, clock.now());
    const known: unknown = await subscription?.(tenantId);
    // An anchor of our own would bill the tenant in periods that nobody agreed on.
    if (!isSubscription(known)) {
      throw new ConfigError(
        `subscription: expected { anchor, timeZone } for tenant ${describeValue(tenantId)}, got ${describeValue(known)}`,
      );
    }
    return periodAt(known, per, clock.now());
  };
}

const isSubscription = (value: unknown): value is Subscription =>
  typeof value === "object" && value !== null && "anchor" in value;

/** Where a tenant stands with some metrics: one question to each backend. */
export function createStandings(
  options: StandingsOptions,
): (tenantId: string, metrics: readonly string[]) => Promise<readonly Position[]> {
  const { context, rowsMetrics } = options;
  return async (tenantId, metrics) => {
    const grants: Grant[] = [];
    for (const metric of metrics) grants.push(await context.grant(tenantId, metric));
    const [ofRows, ofUsage] = await Promise.all([
      rowsPositions(
        options,
        grants.filter(({ metric }) => rowsMetrics.has(metric)),
      ),
      usagePositions(
        options,
        grants.filter(({ metric }) => !rowsMetrics.has(metric)),
      ),
    ]);
    const byMetric = new Map([...ofRows, ...ofUsage].map((position) => [position.grant.metric, position]));
    return metrics.flatMap((metric) => byMetric.get(metric) ?? []);
  };
}

async function rowsPositions(
  { rows, rowsMetrics }: StandingsOptions,
  grants: readonly Grant[],
): Promise<readonly Position[]> {
  const found = grants.length === 0 ? [] : await rows?.standings(grants);
  return grants.map((grant, i) => {
    const { used = 0, asOf } = found?.[i] ?? {};
    const unit = rowsMetrics.get(grant.metric)?.unit;
    return { grant, unit, used, held: 0, resetsAt: undefined, exact: grant.kind !== "unlimited", asOf };
  });
}

async function usagePositions(
  { usage, usageMetrics, periods }: StandingsOptions,
  grants: readonly Grant[],
): Promise<readonly Position[]> {
  const [first] = grants;
  if (first === undefined || usage === undefined) return [];
  const asked: { readonly metric: string; readonly period: Period }[] = [];
  for (const { tenantId, metric } of grants) asked.push({ metric, period: await periods(tenantId, metric) });
  const found = await usage.read({ tenantId: first.tenantId, metrics: asked });
  return grants.map((grant, i) => {
    const { used = 0, held = 0, exact = false, asOf } = found[i] ?? {};
    const period = asked[i]?.period;
    const unit = usageMetrics.get(grant.metric)?.unit;
    return {
      grant,
      unit,
      used,
      held,
      resetsAt: period && resetsAt(period),
      exact: exact && grant.kind !== "unlimited",
      asOf,
    };
  });
}
