import type { TabData, Table } from "@scale/dashboard";
import type { Decider, LiveData, PlanRow, QuotaPlanRow, QuotaRow, ShownLimit } from "../live-data.js";

const DECIDERS: Readonly<Record<Decider, string>> = {
  store: "Redis",
  lease: "units leased by this process",
  "denial-cache": "a recent denial",
  local: "this process, while Redis is down",
  policy: "the policy for failures",
  unlimited: "a plan without limits",
};

/** Limits of the plans, denials by rule, and the quotas that are nearest to their limit. */
export function limitsTab({ plans, rules, decidedBy, limitStore, quotas }: LiveData): TabData {
  const state = limitStore.is === "redis" ? limitStore.state : "memory";
  const { overage, storeFailures } = quotas;
  return {
    tiles: [
      { label: "Limits are counted in", value: limitStore.is === "redis" ? "Redis" : "memory", note: state },
      { label: "Quota units above plans, 60 s", value: overage.last, note: `${overage.total} in total` },
      { label: "Quota store failures, 60 s", value: storeFailures.last, note: `${storeFailures.total} in total` },
    ],
    tables: [
      ...[plansTable(plans), quotasTable(quotas.nearestToLimit), quotaPlansTable(quotas.plans)],
      {
        caption: "Denials by rule",
        columns: ["Rule", "Last 60 s", "In total"],
        rows: rules.map(({ rule, denied }) => [rule, denied.last, denied.total]),
      },
      {
        caption: "Decisions by decider",
        columns: ["Decided by", "Last 60 s", "In total"],
        rows: decidedBy.map(({ by, decisions }) => [DECIDERS[by], decisions.last, decisions.total]),
      },
    ],
  };
}

const plansTable = (plans: readonly PlanRow[]): Table => ({
  caption: "Plans, last 60 seconds",
  columns: ["Plan", "Limits of a tenant", "Admitted", "Denied"],
  rows: plans.map(({ plan, limits, groups, admitted, denied }) => {
    const all = [limitsText(limits), ...groups.map((group) => `${group.group}: ${limitsText(group.limits)}`)];
    return [plan, all.join("; "), admitted, denied];
  }),
});

const quotasTable = (quotas: readonly QuotaRow[]): Table => ({
  caption: "The ten quotas nearest to their limit",
  columns: ["Tenant", "Plan", "Quota", "Used", "Refused in 60 s", "Suggestion"],
  rows: quotas.map(({ tenantId, plan, metric, used, limit, refused, upgrade }) => [
    ...[tenantId, plan, metric, `${used} of ${limit}`],
    refused.last,
    upgrade === null ? "–" : `upgrade to ${upgrade}`,
  ]),
});

function quotaPlansTable(plans: readonly QuotaPlanRow[]): Table {
  const metrics = plans[0]?.limits.map(({ metric }) => metric) ?? [];
  return {
    caption: "Quotas of the plans",
    columns: ["Plan", ...metrics, "Refused in 60 s", "In total"],
    rows: plans.map(({ plan, limits, refused }) => [plan, ...limits.map(quotaText), refused.last, refused.total]),
  };
}

const quotaText = ({ limit, more }: QuotaPlanRow["limits"][number]): string =>
  limit === null ? "no limit" : more > 0 ? `${limit}, and ${more} more` : String(limit);

/** `500 in 15 min, 3 in 1 s`; a concurrency limit is `2 at once`. */
export const limitsText = (limits: readonly ShownLimit[]): string =>
  limits
    .map(({ limit, windowMs }) => (windowMs === null ? `${limit} at once` : `${limit} in ${windowText(windowMs)}`))
    .join(", ");

const windowText = (ms: number): string => (ms >= 60_000 ? `${ms / 60_000} min` : `${ms / 1000} s`);
