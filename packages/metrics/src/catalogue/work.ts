import { type CatalogueRow, counter, gauge, seconds, tenantCounter } from "./row.js";

const nodeProcess = "the process";

export const work: readonly CatalogueRow[] = [
  tenantCounter("scale_ai_requests_total", "record.ai", "Calls of a model by their outcome.", {
    labels: ["model", "outcome"],
  }),
  seconds("scale_ai_request_duration_seconds", "record.ai", "Time of a call of a model.", { labels: ["model"] }),
  tenantCounter("scale_ai_cost_dollars_total", "record.ai", "Cost of calls of models.", {
    unit: "dollars",
    labels: ["model"],
  }),
  tenantCounter("scale_ai_tokens_total", "record.ai", "Tokens of calls of models.", { labels: ["model", "direction"] }),
  tenantCounter("scale_errors_total", "record.error", "Errors that the application records.", {
    labels: ["severity", "kind"],
  }),
  seconds(
    "scale_process_event_loop_delay_seconds",
    nodeProcess,
    "Delay of timers of this process: the time for which its event loop was taken.",
  ),
  gauge(
    "scale_process_event_loop_utilization_ratio",
    nodeProcess,
    "Share of the time in which the event loop was not idle.",
  ),
  seconds("scale_process_gc_duration_seconds", nodeProcess, "Pauses by garbage collection.", { labels: ["kind"] }),
  gauge("scale_process_memory_bytes", nodeProcess, "Memory of this process.", { unit: "bytes", labels: ["kind"] }),
  counter("scale_process_cpu_seconds_total", nodeProcess, "CPU time of this process.", {
    unit: "seconds",
    labels: ["mode"],
  }),
  gauge("scale_process_start_time_seconds", nodeProcess, "Start of this process, in seconds since the epoch.", {
    unit: "seconds",
  }),
];
