import type { CatalogueRow } from "./row.js";
import { groups } from "./rows.js";

export interface Panel {
  readonly title: string;
  /** Unit of Grafana. */
  readonly unit: string;
  /** PromQL. `$__rate_interval` is Grafana's. */
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

export interface Dashboard {
  /** Name of its file. */
  readonly name: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

const LIVE = 'part!="moved"';
const RANGE = "$__rate_interval";
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "bytes", dollars: "currencyUSD" };

const overview: Dashboard = {
  name: "overview",
  title: "Overview",
  panels: [
    {
      title: "Requests",
      unit: "reqps",
      queries: [
        { expr: `sum by (outcome) (rate(scale_http_requests_total{${LIVE}}[${RANGE}]))`, legend: "{{outcome}}" },
      ],
    },
    {
      title: "Response time of all tenants",
      unit: "s",
      queries: [0.5, 0.95, 0.99].map((q) => ({
        expr: `histogram_quantile(${q}, sum by (le) (rate(scale_http_request_duration_seconds_bucket{${LIVE}}[${RANGE}])))`,
        legend: `p${q * 100}`,
      })),
    },
    {
      title: "Tenants with the most requests",
      unit: "reqps",
      queries: [
        {
          expr: `topk(10, sum by (tenant) (rate(scale_http_requests_total{${LIVE}}[${RANGE}])))`,
          legend: "{{tenant}}",
        },
      ],
    },
    {
      title: "Share of failed requests by tenant",
      unit: "percentunit",
      queries: [
        {
          expr: `topk(10, sum by (tenant) (rate(scale_http_requests_total{outcome="server-error",${LIVE}}[${RANGE}])) / sum by (tenant) (rate(scale_http_requests_total{${LIVE}}[${RANGE}])))`,
          legend: "{{tenant}}",
        },
      ],
    },
    {
      title: "95th percentile of the slowest tenants",
      unit: "s",
      queries: [
        {
          expr: `topk(10, histogram_quantile(0.95, sum by (tenant, le) (rate(scale_http_request_duration_seconds_bucket{${LIVE}}[${RANGE}]))))`,
          legend: "{{tenant}}",
        },
      ],
    },
    {
      title: "Hit ratio of caches",
      unit: "percentunit",
      queries: [
        {
          expr: `sum by (name) (rate(scale_cache_reads_total{layer!="load",${LIVE}}[${RANGE}])) / sum by (name) (rate(scale_cache_reads_total{${LIVE}}[${RANGE}]))`,
          legend: "{{name}}",
        },
      ],
    },
  ],
};

/** One dashboard for each group of the catalogue, a panel for each metric, and an overview. */
export const dashboards: readonly Dashboard[] = [
  overview,
  ...groups.map(({ name, title, rows }) => ({ name, title, panels: rows.map(panelOf) })),
];

function panelOf({ name, help, type, unit, labels = [], perTenant = false }: CatalogueRow): Panel {
  const selector = perTenant ? `{${LIVE}}` : "";
  const legend = labels.map((label) => `{{${label}}}`).join(" ");
  const title = help.replace(/\.$/, "");
  if (type === "gauge") return { title, unit: UNITS[unit ?? ""] ?? "short", queries: [{ expr: name, legend }] };
  if (type === "counter") {
    const by = labels.length === 0 ? "sum" : `sum by (${labels.join(", ")})`;
    const all = { expr: `${by} (rate(${name}${selector}[${RANGE}]))`, legend };
    const tenants = { expr: `topk(10, sum by (tenant) (rate(${name}${selector}[${RANGE}])))`, legend: "{{tenant}}" };
    return { title, unit: "cps", queries: perTenant ? [all, tenants] : [all] };
  }
  const by = ["le", ...labels].join(", ");
  const expr = `histogram_quantile(0.95, sum by (${by}) (rate(${name}_bucket${selector}[${RANGE}])))`;
  return { title: `${title}, 95th percentile`, unit: UNITS[unit ?? ""] ?? "short", queries: [{ expr, legend }] };
}
