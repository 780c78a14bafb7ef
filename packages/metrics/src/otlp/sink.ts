import type { HrTime } from "@opentelemetry/api";
import {
  type CollectionResult,
  MeterProvider,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { MetricsSink, SinkSource } from "../sink.js";
import { metricDataOf } from "./metric-data.js";

export interface OtlpSinkOptions {
  /** An exporter such as `OTLPMetricExporter` of `@opentelemetry/exporter-metrics-otlp-http`. The sink shuts it down. */
  readonly exporter: PushMetricExporter;
  /** Resource of the SDK that names this process: `resourceFromAttributes({ "service.name": "shop" })`. */
  readonly resource?: NonNullable<ConstructorParameters<typeof MeterProvider>[0]>["resource"];
  /**
   * Time between two exports, in milliseconds.
   * @default 10000
   */
  readonly exportMs?: number;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  exporter: z.custom<PushMetricExporter>(
    (value) => typeof value === "object" && value !== null && "export" in value && "shutdown" in value,
    "expected an exporter of OpenTelemetry",
  ),
  resource: z.custom<NonNullable<OtlpSinkOptions["resource"]>>().optional(),
  exportMs: z.number().min(100).max(3_600_000).default(10_000),
  clock: clockOption.default(systemClock),
});

/**
 * Exports metrics through the OpenTelemetry SDK: to a collector, to Prometheus or VictoriaMetrics, to every backend that has
 * an exporter. Histograms are exponential ones of scale 3, without a conversion.
 * @throws {ConfigError} with the name of the wrong option
 */
export function otlpSink(options: OtlpSinkOptions): MetricsSink {
  const { exporter, resource, exportMs, clock } = parseOptions(optionsSchema, options, "otlpSink");
  let provider: MeterProvider | undefined;
  return {
    name: "otlp",
    start(source) {
      const reader = new PeriodicExportingMetricReader({
        exporter: reporting(exporter, source),
        exportIntervalMillis: exportMs,
        exportTimeoutMillis: Math.min(exportMs, 30_000),
        metricProducers: [producerOf(source, clock)],
      });
      provider = new MeterProvider({ readers: [reader], ...(resource !== undefined && { resource }) });
    },
    // Exports once more.
    close: async () => provider?.shutdown(),
  };
}

/** The exporter, whose failures are reported: the SDK tells them to its own logger alone. */
function reporting(exporter: PushMetricExporter, { fail }: SinkSource): PushMetricExporter {
  const selectors = SELECTORS.flatMap((name) => {
    const selector: unknown = Reflect.get(exporter, name);
    return typeof selector === "function" ? [[name, selector.bind(exporter) as unknown] as const] : [];
  });
  return {
    ...Object.fromEntries(selectors),
    export(metrics, callback) {
      exporter.export(metrics, (result) => {
        const code: number = result.code;
        if (code !== SUCCESS) fail(result.error ?? new Error("the exporter failed without an error"));
        callback(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

/** Optional methods of exporters, of every version of the SDK. */
const SELECTORS = ["selectAggregationTemporality", "selectAggregation", "selectCardinalityLimit"];

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`. */
const SUCCESS = 0;

function producerOf(source: SinkSource, clock: Clock): MetricProducer {
  const startTime = hrTime(clock.now());
  return {
    async collect(): Promise<CollectionResult> {
      const metrics = [];
      const interval = { startTime, endTime: hrTime(clock.now()) };
      for await (const snapshot of source.snapshot())
        if (snapshot.series.length > 0) metrics.push(metricDataOf(snapshot, interval));
      // The SDK replaces the resource by that of its provider.
      const scope = { name: "@scale/metrics" };
      return { resourceMetrics: { resource: undefined as never, scopeMetrics: [{ scope, metrics }] }, errors: [] };
    },
  };
}

const hrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
