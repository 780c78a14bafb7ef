/** A series of a rule test, in the notation of promtool: one value for each minute. */
interface TestSeries {
  readonly series: string;
  readonly values: string;
}

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** Time for which the expression must hold before the alert fires. */
  readonly for: string;
  readonly severity: "warning" | "critical";
  /** One sentence. `{{ $labels.x }}` is the label of the series. */
  readonly summary: string;
  readonly test: {
    /** Series for which the alert fires after 15 minutes. */
    readonly fires: readonly TestSeries[];
    /** Labels of the alert that fires. */
    readonly labels: Readonly<Record<string, string>>;
    /** Series at the threshold, for which it does not. */
    readonly quiet: readonly TestSeries[];
  };
}

/** Series of `other` whose counts came with tenants that lost their series: their rate is not traffic. */
const LIVE = 'part!="moved"';
const requests = `sum by (tenant) (rate(scale_http_requests_total{${LIVE}}[5m]))`;
const enough = `sum by (tenant) (increase(scale_http_requests_total{${LIVE}}[5m])) >= 50`;
const reads = (selector: string): string => `sum by (name) (rate(scale_cache_reads_total{${selector}${LIVE}}[10m]))`;

const series = (name: string, values: string): TestSeries => ({ series: name, values });

/** Alerts on the metrics of the catalogue. */
export const alerts: readonly Alert[] = [
  {
    name: "ScaleBreakerOpen",
    expr: "max by (breaker, key) (scale_breaker_open) > 0",
    for: "1m",
    severity: "critical",
    summary: "Breaker {{ $labels.breaker }} {{ $labels.key }} refuses calls.",
    test: {
      fires: [series('scale_breaker_open{breaker="payments",key="eu"}', "0 1x20")],
      labels: { breaker: "payments", key: "eu" },
      quiet: [series('scale_breaker_open{breaker="payments",key="eu"}', "0x20")],
    },
  },
  {
    name: "ScaleQueueDeep",
    expr: "max by (queue) (scale_queue_depth) > 1000",
    for: "5m",
    severity: "warning",
    summary: "More than 1000 jobs wait in queue {{ $labels.queue }}.",
    test: {
      fires: [series('scale_queue_depth{queue="emails"}', "1001x20")],
      labels: { queue: "emails" },
      quiet: [series('scale_queue_depth{queue="emails"}', "1000x20")],
    },
  },
  {
    name: "ScaleSlowQueries",
    expr: `sum by (name) (increase(scale_slow_queries_total{${LIVE}}[5m])) > 0`,
    for: "0m",
    severity: "warning",
    summary: "Query {{ $labels.name }} took longer than a second.",
    test: {
      fires: [series('scale_slow_queries_total{name="report",tenant="acme"}', "0x12 1 2 3x10")],
      labels: { name: "report" },
      quiet: [
        series('scale_slow_queries_total{name="report",tenant="acme"}', "3x20"),
        series('scale_slow_queries_total{name="report",tenant="other",part="moved"}', "0+9x20"),
      ],
    },
  },
  {
    name: "ScaleReplicaLag",
    expr: "max by (router, node) (scale_db_node_lag_seconds) > 5",
    for: "1m",
    severity: "warning",
    summary: "Replica {{ $labels.node }} lags by more than 5 seconds.",
    test: {
      fires: [series('scale_db_node_lag_seconds{router="main",node="replica-1"}', "6x20")],
      labels: { router: "main", node: "replica-1" },
      quiet: [series('scale_db_node_lag_seconds{router="main",node="replica-1"}', "5x20")],
    },
  },
  {
    name: "ScalePoolBusy",
    expr: "max by (router, node) (scale_db_pool_usage_ratio) > 0.8",
    for: "5m",
    severity: "warning",
    summary: "More than 80 % of the connections to {{ $labels.node }} are in use.",
    test: {
      fires: [series('scale_db_pool_usage_ratio{router="main",node="primary"}', "0.9x20")],
      labels: { router: "main", node: "primary" },
      quiet: [series('scale_db_pool_usage_ratio{router="main",node="primary"}', "0.8x20")],
    },
  },
  {
    name: "ScaleCacheHitRatioLow",
    expr: `${reads('layer!="load",')} / ${reads("")} < 0.6 and ${reads("")} > 1`,
    for: "5m",
    severity: "warning",
    summary: "Fewer than 60 % of the reads of {{ $labels.name }} are hits.",
    test: {
      fires: [
        series('scale_cache_reads_total{name="product",layer="memory",tenant="acme"}', "0+59x20"),
        series('scale_cache_reads_total{name="product",layer="load",tenant="acme"}', "0+61x20"),
      ],
      labels: { name: "product" },
      quiet: [
        series('scale_cache_reads_total{name="product",layer="store",tenant="acme"}', "0+61x20"),
        series('scale_cache_reads_total{name="product",layer="load",tenant="acme"}', "0+39x20"),
        series('scale_cache_reads_total{name="rare",layer="store",tenant="acme"}', "0+0x20"),
        series('scale_cache_reads_total{name="rare",layer="load",tenant="acme"}', "0+1x20"),
      ],
    },
  },
  {
    name: "ScaleTenantErrors",
    expr: `sum by (tenant) (rate(scale_http_requests_total{outcome="server-error",${LIVE}}[5m])) / ${requests} > 0.05 and ${enough}`,
    for: "1m",
    severity: "critical",
    summary: "More than 5 % of the requests of tenant {{ $labels.tenant }} fail.",
    test: {
      fires: [
        series('scale_http_requests_total{outcome="success",tenant="acme"}', "0+90x20"),
        series('scale_http_requests_total{outcome="server-error",tenant="acme"}', "0+10x20"),
      ],
      labels: { tenant: "acme" },
      quiet: [
        series('scale_http_requests_total{outcome="success",tenant="acme"}', "0+96x20"),
        series('scale_http_requests_total{outcome="server-error",tenant="acme"}', "0+4x20"),
        series('scale_http_requests_total{outcome="server-error",tenant="rare"}', "0+1x20"),
        series('scale_http_requests_total{outcome="server-error",tenant="other",part="moved"}', "0+900x20"),
      ],
    },
  },
  {
    name: "ScaleTenantSlow",
    expr: `histogram_quantile(0.95, sum by (tenant, le) (rate(scale_http_request_duration_seconds_bucket{${LIVE}}[5m]))) > 0.5 and ${enough}`,
    for: "1m",
    severity: "warning",
    summary: "The 95th percentile of tenant {{ $labels.tenant }} is above 500 ms.",
    test: {
      fires: [
        series('scale_http_requests_total{outcome="success",tenant="acme"}', "0+100x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="0.5"}', "0+90x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="1.0"}', "0+100x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="+Inf"}', "0+100x20"),
      ],
      labels: { tenant: "acme" },
      quiet: [
        series('scale_http_requests_total{outcome="success",tenant="acme"}', "0+100x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="0.5"}', "0+96x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="1.0"}', "0+100x20"),
        series('scale_http_request_duration_seconds_bucket{tenant="acme",le="+Inf"}', "0+100x20"),
      ],
    },
  },
];
