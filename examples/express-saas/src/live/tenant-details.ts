import type { Cache } from "@scale/cache";
import type { PlanResolver } from "@scale/core";
import type { TabData, Table } from "@scale/dashboard";
import type { MetricStatus } from "@scale/quota";
import type { CrmQuota } from "../quota.js";
import type { LiveData } from "./live-data.js";
import { limitsText } from "./tabs/limits.js";

export interface TenantDetailsParts {
  readonly plans: PlanResolver;
  readonly quota: Pick<CrmQuota, "status">;
  readonly cache: Pick<Cache, "tenant">;
  readonly facts: () => LiveData;
}

/** Limits, quotas, cache share and connections of a tenant, for its page. */
export function createTenantDetails({ plans, quota, cache, facts }: TenantDetailsParts) {
  return async (tenantId: string): Promise<TabData> => {
    const plan = await plans.resolve(tenantId);
    // While its store does not answer, which the quota publishes, the page shows all the rest.
    const status = await quota.status(tenantId).catch(() => undefined);
    const usage = cache.tenant(tenantId).usage();
    const queue = facts().database.tenants.find((row) => row.tenantId === tenantId);
    return {
      tiles: [
        {
          label: "Cache memory",
          value: `${inKiB(usage?.bytes ?? 0)} KiB`,
          note: usage === undefined ? "no entries" : `share ${inKiB(usage.shareBytes)} KiB, ${usage.entries} entries`,
        },
        {
          label: "Connections at once",
          value: plan.database?.maxConnections ?? "–",
          note: queue === undefined ? "none was waited for" : `${queue.waits.last} waits in 60 s`,
        },
      ],
      tables: [limitsOf(facts(), plan.name), ...(status === undefined ? [] : [quotasOf(status.metrics)])],
    };
  };
}

const inKiB = (bytes: number): number => Math.round(bytes / 1024);

function limitsOf({ plans }: LiveData, plan: string): Table {
  const { limits = [], groups = [] } = plans.find((row) => row.plan === plan) ?? {};
  const ofGroups = groups.map(({ group, limits: own }) => [`Requests of ${group}`, limitsText(own)]);
  return { caption: "Limits", columns: ["What", "Limit"], rows: [["All requests", limitsText(limits)], ...ofGroups] };
}

const quotasOf = (metrics: Readonly<Record<string, MetricStatus>>): Table => ({
  caption: "Quotas",
  columns: ["Quota", "Used", "Limit"],
  rows: Object.entries(metrics).map(([metric, { used, max, exact }]) => [
    metric,
    exact ? used : "not counted",
    max === Infinity ? "no limit" : max,
  ]),
});
