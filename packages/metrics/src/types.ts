import type { OnCollect } from "./collectors.js";
import type { MetricsReader } from "./deltas/delta-reader.js";
import type { Exposition, ExpositionFormat } from "./exposition/render.js";
import type { Definition, HistogramOptions, MetricOptions } from "./instruments/definition.js";
import type { LabelPairs } from "./instruments/label-text.js";
import type { Family } from "./instruments/family.js";
import type {
  CounterSeries,
  GaugeSeries,
  HistogramSeries,
  TenantCounterSeries,
  TenantHistogramSeries,
} from "./instruments/series.js";
import type { Recorders } from "./record/recorders.js";
import type { RequestRecord } from "./record/requests.js";
import type { MetricSnapshot } from "./snapshot.js";
import type { MetricsSummary, Problem, TenantSummary } from "./summary/types.js";
import type { Watches } from "./watch/packages.js";

/** Metrics of the application with the label `tenant`: series of the heaviest tenants, and `tenant="other"` for the rest. */
export interface TenantMetrics {
  /** @throws {ConfigError} for a wrong or used name */
  counter<Name extends string = never>(options: MetricOptions<Name>): Family<TenantCounterSeries, Name>;
  /** @throws {ConfigError} for a wrong or used name */
  histogram<Name extends string = never>(options: HistogramOptions<Name>): Family<TenantHistogramSeries, Name>;
  /** Tenants with series of their own. */
  ids(): readonly string[];
  /** Counters of a tenant that are not 0; `undefined` for a tenant without a series. */
  counts(tenantId: string): readonly TenantCount[] | undefined;
  /**
   * Quantiles of a tenant's series of a histogram since the start, all label sets together, each within 4.4 % of the exact
   * value. `undefined` for a tenant without a series.
   * @param quantiles 0 to 1
   */
  quantiles(metric: string, tenantId: string, quantiles: readonly number[]): (number | undefined)[] | undefined;
}

/** A counter of one tenant. */
export interface TenantCount {
  readonly name: string;
  readonly help: string;
  /** Labels besides the tenant. */
  readonly labels: LabelPairs;
  /** Since the tenant has a series of its own. */
  readonly value: number;
}

/** Metrics of one process. */
export interface Metrics {
  /** @throws {ConfigError} for a wrong or used name */
  counter<Name extends string = never>(options: MetricOptions<Name>): Family<CounterSeries, Name>;
  /** @throws {ConfigError} for a wrong or used name */
  gauge<Name extends string = never>(options: MetricOptions<Name>): Family<GaugeSeries, Name>;
  /** @throws {ConfigError} for a wrong or used name */
  histogram<Name extends string = never>(options: HistogramOptions<Name>): Family<HistogramSeries, Name>;
  readonly tenants: TenantMetrics;
  /** Records what no `@scale` package publishes. */
  readonly record: Recorders & {
    /** Records a request. `metricsMiddleware` and its siblings call it. */
    request(request: RequestRecord): void;
  };
  /** Gauges of other packages' objects, read at each exposition. */
  readonly watch: Watches;
  readonly onCollect: OnCollect;
  /**
   * Renders every metric, in slices of the event loop. Calls that overlap share one rendering of a format.
   * Write the chunks in their order.
   */
  render(format?: ExpositionFormat): Promise<Exposition>;
  /** Requests of this process by tenant, with percentiles and problems. */
  summary(): MetricsSummary;
  /** Requests of one tenant; `undefined` for one without series of its own. */
  tenant(tenantId: string): TenantSummary | undefined;
  /** Tenants with many errors or slow responses. */
  problems(): readonly Problem[];
  definition(name: string): Definition | undefined;
  /** Calls the listener with the name of every metric, now and when one is defined. @returns a function that ends it */
  onDefine(listener: (name: string) => void): () => void;
  /** The state of every series of a metric. */
  snapshot(name: string): Promise<MetricSnapshot | undefined>;
  /** Opens a reader of what is recorded, as sinks have one. */
  reader(): MetricsReader;
  /** Returns what was recorded since the last call, for `merge` in another process; `undefined` for nothing. */
  takeDelta(): string | undefined;
  /**
   * Adds a delta of another process. Messages add up in any order, each of them once.
   * @returns names of metrics that are defined differently here, and were left out
   * @throws {InputError} for a string that `takeDelta` did not return
   */
  merge(delta: string): readonly string[];
  /** Ends subscriptions, lets sinks send what is left, and closes them. */
  close(): Promise<void>;
}
