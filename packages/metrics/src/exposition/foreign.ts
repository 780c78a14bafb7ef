import { wellFormed } from "../tenants/tenant-label.js";
import { labelText, type LabelPairs } from "../instruments/label-text.js";
import { escapeHelp, sampleLine, type TextFormat } from "./text.js";
import { writeClassicHistogram, writeHead, writeScalar } from "./protobuf/metric-family.js";
import type { ProtoWriter } from "./protobuf/writer.js";

/** One value of a metric of another library. */
export interface ForeignValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Name of the sample when it is not that of the metric: `x_bucket`, `x_sum`, `x_count`. */
  readonly metricName?: string | undefined;
}

/** A metric of another library. */
export interface ForeignMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly values: readonly ForeignValue[];
}

/** Gives the metrics of another library for one exposition, one after another. */
export type ForeignSource = () => AsyncIterable<ForeignMetric>;

/** Lines of a metric of another library. OpenMetrics knows counters that end with `_total` only: others are `unknown` there. */
export function* foreignText(metric: ForeignMetric, format: TextFormat): Generator<string> {
  const { name, help } = metric;
  const isOpen = format === "openmetrics";
  const isOddCounter = metric.type === "counter" && !name.endsWith("_total");
  const called = isOpen && metric.type === "counter" && !isOddCounter ? name.replace(/_total$/, "") : name;
  const type = isOpen && isOddCounter ? "unknown" : metric.type;
  yield `# HELP ${called} ${escapeHelp(help, format)}\n# TYPE ${called} ${type}\n`;
  for (const { value, labels, metricName } of metric.values)
    yield sampleLine(metricName ?? name, labelText(pairsOf(labels)), value);
}

/** Messages of a metric of another library; a summary becomes untyped series of its samples. */
export function* foreignMessages(metric: ForeignMetric, writer: ProtoWriter): Generator<void> {
  const { name, help, type, values } = metric;
  if (type === "histogram") {
    writeHead(writer, { name, help, type });
    for (const series of classicHistograms(metric)) {
      writeClassicHistogram(writer, series);
      yield;
    }
    return;
  }
  const as = type === "summary" ? "untyped" : type;
  writeHead(writer, { name, help, type: as });
  for (const { value, labels } of values) {
    writeScalar(writer, { type: as, labels: pairsOf(labels), value: value });
    yield;
  }
}

const pairsOf = (labels: ForeignValue["labels"]): LabelPairs =>
  Object.entries(labels).map(([name, value]) => [name, wellFormed(String(value))] as const);

function classicHistograms({ name, values }: ForeignMetric) {
  const found = new Map<
    string,
    { labels: LabelPairs; count: number; sum: number; buckets: { bound: number; cumulative: number }[] }
  >();
  for (const { value, labels, metricName } of values) {
    const pairs = pairsOf(labels).filter(([label]) => label !== "le");
    const key = JSON.stringify(pairs);
    const series = found.get(key) ?? { labels: pairs, count: 0, sum: 0, buckets: [] };
    found.set(key, series);
    if (metricName === `${name}_sum`) series.sum = value;
    else if (metricName === `${name}_count`) series.count = value;
    else series.buckets.push({ bound: boundOf(labels["le"]), cumulative: value });
  }
  return found.values();
}

const boundOf = (le: string | number | undefined): number => (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le));
