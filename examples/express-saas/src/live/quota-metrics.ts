import type { Clock, Plans } from "@scale/core";
import { overageUse, type QuotaRefusal, storeFail, useRefuse } from "@scale/quota";
import type { QuotaUpdate } from "../quota.js";
import type { Count, LiveData, QuotaPlanRow, QuotaRow } from "./live-data.js";
import { type Counter, createCounter } from "./counters.js";

/** Metrics of the quotas for the live page. */
export interface QuotaMetrics {
  record(count: QuotaUpdate): void;
  read(): LiveData["quotas"];
  /** Unsubscribes. */
  stop(): void;
}

interface TenantMetric {
  readonly tenantId: string;
  readonly metric: string;
  plan: string | undefined;
  used: number;
  upgrade: string | undefined;
  readonly recordRefusal: Counter;
}

/** Maximum number of kept counters. Further ones count in the sums only. */
const MAX_TENANT_METRICS = 3000;
const SHOWN_ROWS = 10;

/** Keeps the counters that this process changed, and the refusals. */
export function createQuotaMetrics(plans: Plans, clock: Clock): QuotaMetrics {
  const tenantMetrics = new Map<string, TenantMetric>();
  const refusals = new Map(plans.names.map((name) => [name, createCounter(clock)]));
  const overage = createCounter(clock);
  const storeFailures = createCounter(clock);

  function getOrAdd(tenantId: string, metric: string): TenantMetric | undefined {
    const key = JSON.stringify([tenantId, metric]);
    const known = tenantMetrics.get(key);
    if (known !== undefined || tenantMetrics.size >= MAX_TENANT_METRICS) return known;
    const made: TenantMetric = {
      tenantId,
      metric,
      plan: undefined,
      used: 0,
      upgrade: undefined,
      recordRefusal: createCounter(clock),
    };
    tenantMetrics.set(key, made);
    return made;
  }

  function record({ tenantId, metric, plan, used }: QuotaUpdate): void {
    if (used === undefined) return;
    const count = getOrAdd(tenantId, metric);
    if (count === undefined) return;
    count.used = used;
    count.plan = plan ?? count.plan;
  }

  function refused({ tenantId, metric, plan, used, upgrade }: QuotaRefusal): void {
    refusals.get(plan)?.add();
    const count = getOrAdd(tenantId, metric);
    if (count === undefined) return;
    Object.assign(count, { used, plan, upgrade: upgrade?.to });
    count.recordRefusal.add();
  }

  const subscriptions = [
    useRefuse.subscribe(refused),
    overageUse.subscribe(() => overage.add()),
    storeFail.subscribe(() => storeFailures.add()),
  ];
  return {
    record,
    read: () => ({
      nearestToLimit: rowsNearestToLimit([...tenantMetrics.values()], plans),
      plans: plans.names.map((name) => planRow(plans, name, refusals.get(name)?.read())),
      overage: overage.read(),
      storeFailures: storeFailures.read(),
    }),
    stop: () => subscriptions.forEach((end) => end()),
  };
}

/** Sorts by the used fraction of the limit, highest first. */
function rowsNearestToLimit(seen: readonly TenantMetric[], plans: Plans): QuotaRow[] {
  const rows = seen.flatMap(({ plan, recordRefusal, upgrade, ...rest }): QuotaRow[] => {
    const limit = plan === undefined ? undefined : plans.find(plan)?.quota?.[rest.metric]?.limit;
    if (plan === undefined || limit === undefined || limit === Infinity) return [];
    return [{ ...rest, plan, limit, refused: recordRefusal.read(), upgrade: upgrade ?? null }];
  });
  const part = ({ used, limit }: QuotaRow): number => used / Math.max(limit, 1);
  return rows.sort((a, b) => part(b) - part(a) || b.refused.total - a.refused.total).slice(0, SHOWN_ROWS);
}

function planRow(plans: Plans, plan: string, refused: Count = { last: 0, total: 0 }): QuotaPlanRow {
  const limits = Object.entries(plans.find(plan)?.quota ?? {}).map(([metric, { limit, max }]) => {
    // JSON has no Infinity.
    return { metric, limit: limit === Infinity ? null : limit, more: max > limit ? max - limit : 0 };
  });
  return { plan, limits, refused };
}
