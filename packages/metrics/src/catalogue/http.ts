import { type CatalogueRow, counter, gauge, seconds, tenantCounter, textOf } from "./row.js";

const middleware = "metricsMiddleware";

export const http: readonly CatalogueRow[] = [
  tenantCounter("scale_http_requests_total", middleware, "Requests by the outcome of their response.", {
    labels: ["outcome"],
  }),
  seconds(
    "scale_http_request_duration_seconds",
    middleware,
    "Time from the arrival of a request to the end of its response.",
    {
      perTenant: true,
    },
  ),
  tenantCounter("scale_http_slow_requests_total", middleware, "Requests that took longer than a second."),
  seconds("scale_http_route_duration_seconds", middleware, "Time of a response by route, for all tenants together.", {
    labels: ["method", "route", "status"],
  }),
  counter(
    "scale_http_tenant_refusals_total",
    "scale:http:tenant-refuse",
    "Requests without a valid tenant, user or token.",
    {
      labels: ["status"],
    },
  ),
  gauge("scale_tenant_problems", "the detector of problems", "Tenants that have a problem now.", { labels: ["kind"] }),
  counter("scale_tenant_problems_started_total", "scale:metrics:problem-start", "Problems of tenants that began.", {
    labels: ["kind"],
  }),
  counter(
    "scale_metrics_sink_failures_total",
    "scale:metrics:sink-fail",
    "Failed attempts to send metrics to another system.",
    {
      labels: ["sink"],
    },
  ),
  counter(
    "scale_metrics_feed_failures_total",
    "scale:metrics:feed-fail",
    "Events and collectors that could not be read.",
    {
      labels: ["source"],
      read: (message) => ({ labels: { source: textOf(message, "source") } }),
    },
  ),
];
