import type { DashboardData, DashboardSource, TenantCounts } from "../src/types.js";

const HOSTILE = `<img src=x onerror="document.title='owned'">`;

export const tenant = (tenantId: string, counts: Partial<TenantCounts> = {}): TenantCounts => ({
  tenantId,
  admitted: 60,
  denied: 0,
  failed: 0,
  p99: 12,
  ...counts,
});

/** A minute in which delta-labs sends ten times as much as the others, and one tenant has a hostile name. */
export const busyMinute: DashboardData = {
  dependencies: [
    { name: "database", status: "pass" },
    { name: "redis", status: "warn", note: "lags" },
    { name: "rates", status: "fail" },
  ],
  requests: { perSecond: 21.5, admitted: 1_020, denied: 270, failed: 3, p50: 2.1, p95: 8, p99: 14 },
  seconds: Array.from({ length: 60 }, (_, at) => ({
    ...{ admitted: 17 + (at % 5), denied: at % 7, failed: at === 30 ? 3 : 0 },
    ...{ p50: 2, p95: 8, p99: at % 10 === 0 ? null : 14 },
  })),
  tenants: [
    tenant("delta-labs", { plan: "free", admitted: 330, denied: 270 }),
    ...["amber-labs", "cedar-labs", "ember-labs", "fjord-labs", HOSTILE, "iris-works"].map((id) =>
      tenant(id, { plan: "pro" }),
    ),
  ],
  tabs: {
    cache: {
      tiles: [{ label: "Hit ratio", value: "93 %", note: "of 2,000 reads" }],
      tables: [
        {
          caption: "Reads by layer",
          columns: ["Layer", "Reads"],
          rows: [
            ["memory", 1_860],
            [HOSTILE, 140],
          ],
        },
      ],
    },
  },
};

/** A source whose data the test changes. */
export function createSource(
  data: DashboardData = busyMinute,
): DashboardSource & { data: DashboardData; reads: number } {
  const source = {
    data,
    reads: 0,
    read() {
      source.reads++;
      return source.data;
    },
    tenant: (tenantId: string) =>
      source.data.tenants.some((each) => each.tenantId === tenantId)
        ? { tenantId, plan: "pro", tiles: [{ label: "Limit", value: "500 in 15 min" }] }
        : undefined,
    search: (text: string) => source.data.tenants.map(({ tenantId }) => tenantId).filter((id) => id.includes(text)),
  };
  return source;
}
