export type { OnCollect } from "./collectors.js";
export type { Delta, MetricsReader, TenantOf } from "./deltas/delta-reader.js";
export {
  type FeedFailed,
  feedFail,
  problemEnd,
  problemStart,
  type RequestEnded,
  requestEnd,
  type SinkFailed,
  sinkFail,
} from "./events.js";
export type { Exposition, ExpositionFormat } from "./exposition/render.js";
export type { Definition, HistogramOptions, Labels, MetricOptions } from "./instruments/definition.js";
export type { Family } from "./instruments/family.js";
export type {
  CounterSeries,
  GaugeSeries,
  HistogramSeries,
  TenantCounterSeries,
  TenantHistogramSeries,
} from "./instruments/series.js";
export { createMetrics } from "./metrics.js";
export type { MetricsOptions, TenantOptions } from "./options.js";
export type { MetricsSink, SinkSource } from "./sink.js";
export type { HistogramSnapshot, MetricSnapshot, SeriesSnapshot } from "./snapshot.js";
export { getMetricsSummary } from "./summary/get-metrics-summary.js";
export type { ProblemOptions } from "./summary/problems.js";
export type { MetricsSummary, Problem, TenantSummary, TrafficSummary } from "./summary/types.js";
export type { Metrics, TenantCount, TenantMetrics } from "./types.js";
