import { type CatalogueRow, counter, gauge, numberOf, tenantCounter, textOf } from "./row.js";

const changed = "scale:breaker:state-change";
const STATES = new Set(["open", "half-open", "ramping"]);

const keyOf = (key: unknown): string => (typeof key === "string" ? key : "");

export const resilience: readonly CatalogueRow[] = [
  gauge("scale_breaker_open", changed, "1 while a breaker refuses calls.", {
    labels: ["breaker", "key"],
    read: (message) => ({ labels: { key: keyOf(message["key"]) }, value: message["to"] === "open" ? 1 : 0 }),
  }),
  gauge("scale_breaker_disturbed", changed, "1 while a breaker is open, half-open or ramping.", {
    labels: ["breaker", "key"],
    read: (message) => ({
      labels: { key: keyOf(message["key"]) },
      value: STATES.has(textOf(message, "to")) ? 1 : 0,
    }),
  }),
  counter("scale_breaker_state_changes_total", changed, "Changes of the state of breakers.", {
    labels: ["breaker", "to", "reason"],
  }),
  counter("scale_breaker_mode_changes_total", "scale:breaker:mode-change", "Breakers overridden by hand.", {
    labels: ["breaker", "to"],
  }),
  counter(
    "scale_breaker_trips_withheld_total",
    "scale:breaker:trip-withhold",
    "Breakers that reached their threshold and stayed closed.",
    {
      labels: ["breaker", "reason"],
    },
  ),
  tenantCounter("scale_breaker_refusals_total", "scale:breaker:call-refuse", "Calls that a breaker refused.", {
    labels: ["breaker", "state"],
  }),
  counter(
    "scale_breaker_share_failures_total",
    "scale:breaker:share-fail",
    "Calls to the shared state that got no answer.",
    {
      labels: ["breaker", "operation"],
    },
  ),
  tenantCounter("scale_breaker_retries_total", "scale:breaker:retry-start", "Retries.", { labels: ["policy"] }),
  tenantCounter(
    "scale_breaker_retry_refusals_total",
    "scale:breaker:retry-refuse",
    "Retries that the budget or the deadline did not allow.",
    {
      labels: ["policy", "reason"],
    },
  ),
  tenantCounter("scale_breaker_hedges_total", "scale:breaker:hedge-start", "Second attempts beside slow ones.", {
    labels: ["policy"],
  }),
  tenantCounter(
    "scale_breaker_fallbacks_total",
    "scale:breaker:fallback-use",
    "Failed calls that a fallback took the place of.",
    {
      labels: ["policy"],
    },
  ),
  gauge("scale_breaker_limit", "scale:breaker:limit-change", "Adaptive concurrency limit of a policy.", {
    labels: ["policy"],
    read: (message) => ({ value: numberOf(message, "to") ?? 0 }),
  }),
  tenantCounter("scale_shed_requests_total", "scale:shed:request-shed", "Requests that a shedder refused.", {
    labels: ["shedder", "reason"],
  }),
  gauge("scale_shed_limit", "scale:shed:limit-change", "Concurrency limit of a shedder.", {
    labels: ["shedder"],
    read: (message) => ({ value: numberOf(message, "to") ?? 0 }),
  }),
  gauge(
    "scale_shed_braking",
    "scale:shed:brake-change",
    "1 while a shedder limits admissions because the event loop is late.",
    {
      labels: ["shedder"],
      read: (message) => ({ value: message["isBraking"] === true ? 1 : 0 }),
    },
  ),
  counter("scale_shed_circuits_set_total", "scale:shed:circuit-set", "Breakers whose mode an operator set.", {
    labels: ["breaker", "to"],
  }),
  counter("scale_flags_writes_total", "scale:flags:settings-write", "Changes of flags that this process made.", {
    labels: ["flag"],
  }),
  counter("scale_flags_changes_total", "scale:flags:flag-change", "Flags whose settings in force changed.", {
    labels: ["flag"],
    read: (message) => (message["isFirst"] === true ? undefined : {}),
  }),
  counter(
    "scale_flags_document_refusals_total",
    "scale:flags:document-refuse",
    "Documents of flags that were refused.",
    {
      labels: ["from"],
    },
  ),
  counter(
    "scale_dashboard_source_failures_total",
    "scale:dashboard:source-fail",
    "Failed readings of the source of a dashboard.",
  ),
  counter("scale_flags_source_failures_total", "scale:flags:source-fail", "Failed reads of the source of flags.", {
    labels: ["source"],
  }),
  counter(
    "scale_flags_file_failures_total",
    "scale:flags:file-fail",
    "Failed reads and writes of the last-known-good file.",
    {
      labels: ["operation"],
    },
  ),
  gauge("scale_flags_degraded", "scale:flags:degrade-change", "1 while a flag is degraded.", {
    labels: ["flag"],
    read: (message) => ({ value: message["isDegraded"] === true ? 1 : 0 }),
  }),
  counter("scale_flags_signal_failures_total", "scale:flags:signal-fail", "Readings of signals that failed.", {
    labels: ["flag"],
  }),
  tenantCounter(
    "scale_flags_exposures_total",
    "scale:flags:flag-expose",
    "Exposures of tenants to a percentage or a variant.",
    {
      labels: ["flag", "reason"],
    },
  ),
];
