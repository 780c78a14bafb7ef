import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import { SCALE } from "../sketch/grid.js";
import type { HistogramSnapshot, MetricSnapshot, SeriesSnapshot } from "../snapshot.js";

/** Units as UCUM writes them. */
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "By", dollars: "{USD}" };

export interface Interval {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** A metric as the exporters of OpenTelemetry take it. Histograms keep their grid: scale 3 is ours. */
export function metricDataOf({ definition, series }: MetricSnapshot, interval: Interval): MetricData {
  const { name, help, unit, type } = definition;
  const descriptor: MetricData["descriptor"] = {
    // Backends that follow Prometheus add the suffix of a counter themselves.
    name: name.replace(/_total$/, ""),
    description: help,
    unit: UNITS[unit ?? ""] ?? "",
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the SDK declares it by the CommonJS copy of the enum
    valueType: ValueType.DOUBLE,
  };
  const cumulative = AggregationTemporality.CUMULATIVE;
  const points = series.map((one) => ({ ...interval, attributes: attributesOf(one) }));
  if (type === "histogram") {
    return {
      ...{ descriptor, aggregationTemporality: cumulative, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM },
      dataPoints: points.map((point, i) => ({ ...point, value: exponential(series[i]?.value as HistogramSnapshot) })),
    };
  }
  const dataPoints = points.map((point, i) => ({ ...point, value: series[i]?.value as number }));
  if (type === "gauge")
    return { descriptor, aggregationTemporality: cumulative, dataPointType: DataPointType.GAUGE, dataPoints };
  return {
    descriptor,
    aggregationTemporality: cumulative,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints,
  };
}

const attributesOf = ({ labels }: SeriesSnapshot): Record<string, string> => Object.fromEntries(labels);

/** OpenTelemetry numbers buckets by their lower bound, which is one less than Prometheus' number. */
const exponential = ({ count, sum, zeroCount, offset, counts }: HistogramSnapshot) => ({
  ...{ count, sum, zeroCount, scale: SCALE },
  positive: { offset: offset - 1, bucketCounts: [...counts] },
  negative: { offset: 0, bucketCounts: [] },
});
