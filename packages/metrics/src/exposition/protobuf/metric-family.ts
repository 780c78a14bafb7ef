import type { LabelPairs } from "../../instruments/label-text.js";
import type { Metric, SketchMetric } from "../../instruments/registry.js";
import { SCALE, upperBound } from "../../sketch/grid.js";
import { CELLS, type SketchRows } from "../../sketch/rows.js";
import { wellFormed } from "../../tenants/tenant-label.js";
import type { TenantSlots } from "../../tenants/tenant-slots.js";
import { scalarSamples, type SketchSample, sketchSamples } from "../samples.js";
import type { ProtoWriter } from "./writer.js";

// Field numbers of io.prometheus.client: metrics.proto of github.com/prometheus/client_model.
const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 };
const METRIC = { label: 1, gauge: 2, counter: 3, untyped: 5, histogram: 7 };
const TYPES = { counter: 0, gauge: 1, untyped: 3, histogram: 4 } as const;
const HISTOGRAM = { count: 1, sum: 2, bucket: 3, schema: 5, zeroThreshold: 6, zeroCount: 7, span: 12, delta: 13 };
const SPAN = { offset: 1, length: 2 };
const BUCKET = { cumulative: 1, upperBound: 2 };

type ProtoType = keyof typeof TYPES;

export interface FamilyHead {
  readonly name: string;
  readonly help: string;
  readonly type: ProtoType;
  readonly unit?: string | undefined;
}

/** Writes the fields of a family besides its series. */
export function writeHead(writer: ProtoWriter, { name, help, type, unit }: FamilyHead): void {
  writer.text(FAMILY.name, name);
  writer.text(FAMILY.help, wellFormed(help));
  writer.uint(FAMILY.type, TYPES[type]);
  if (unit !== undefined) writer.text(FAMILY.unit, unit);
}

/** Writes one series with one number. */
export function writeScalar(
  writer: ProtoWriter,
  { type, labels, value }: { type: Exclude<ProtoType, "histogram">; labels: LabelPairs; value: number },
): void {
  writer.message(FAMILY.metric, (metric) => {
    writeLabels(metric, labels);
    metric.message(METRIC[type], (number) => number.double(1, value));
  });
}

export interface ClassicHistogram {
  readonly labels: LabelPairs;
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly { readonly bound: number; readonly cumulative: number }[];
}

/** Writes one series of a histogram that has classic buckets only. */
export function writeClassicHistogram(writer: ProtoWriter, { labels, count, sum, buckets }: ClassicHistogram): void {
  writer.message(FAMILY.metric, (metric) => {
    writeLabels(metric, labels);
    metric.message(METRIC.histogram, (histogram) => {
      histogram.uint(HISTOGRAM.count, count);
      histogram.double(HISTOGRAM.sum, sum);
      for (const { bound, cumulative } of buckets) writeBucket(histogram, cumulative, bound);
    });
  });
}

/** Writes the series of a metric, one at a time. */
export function* seriesMessages(
  metric: Metric,
  writer: ProtoWriter,
  { slots, rows }: { slots: TenantSlots; rows: SketchRows },
): Generator<void> {
  if (metric.kind === "scalar") {
    const type = metric.family.definition.type === "counter" ? "counter" : "gauge";
    for (const { labels, value } of scalarSamples(metric, slots)) {
      writeScalar(writer, { type, labels: labels.pairs(), value });
      yield;
    }
    return;
  }
  for (const sample of sketchSamples(metric, slots)) {
    writer.message(FAMILY.metric, (series) => {
      writeLabels(series, sample.labels.pairs());
      series.message(METRIC.histogram, (histogram) => writeHistogram(histogram, { metric, sample, rows }));
    });
    yield;
  }
}

function writeLabels(writer: ProtoWriter, labels: LabelPairs): void {
  for (const [name, value] of labels) {
    writer.message(METRIC.label, (pair) => {
      pair.text(1, name);
      pair.text(2, value);
    });
  }
}

interface Source {
  readonly metric: SketchMetric;
  readonly sample: SketchSample;
  readonly rows: SketchRows;
}

/** A native histogram, with the classic buckets beside it for servers that do not read native ones. */
function writeHistogram(writer: ProtoWriter, { metric, sample: { row }, rows }: Source): void {
  const { range, bounds } = metric;
  const counts = rows.totals(row);
  const count = counts.reduce((sum, here) => sum + here, 0);
  writer.uint(HISTOGRAM.count, count);
  writer.double(HISTOGRAM.sum, rows.sum(row));
  let cumulative = 0;
  let cell = 0;
  for (const bound of bounds) {
    for (; cell <= bound - range.zeroBucket; cell++) cumulative += counts[cell] ?? 0;
    writeBucket(writer, cumulative, upperBound(bound));
  }
  writeBucket(writer, count, Number.POSITIVE_INFINITY);
  writer.sint(HISTOGRAM.schema, SCALE);
  writer.double(HISTOGRAM.zeroThreshold, range.zero);
  writer.uint(HISTOGRAM.zeroCount, counts[0] ?? 0);
  writeSpans(writer, counts, range.zeroBucket);
}

function writeBucket(writer: ProtoWriter, cumulative: number, bound: number): void {
  writer.message(HISTOGRAM.bucket, (bucket) => {
    bucket.uint(BUCKET.cumulative, cumulative);
    bucket.double(BUCKET.upperBound, bound);
  });
}

/** Runs of buckets with counts, each as its distance from the run before it, and the differences between neighbours. */
function writeSpans(writer: ProtoWriter, counts: Float64Array, zeroBucket: number): void {
  const deltas: number[] = [];
  let end = 0;
  let before = 0;
  for (let cell = 1; cell < CELLS; cell++) {
    if (counts[cell] === 0) continue;
    const first = cell;
    for (; cell < CELLS && counts[cell] !== 0; cell++) {
      deltas.push((counts[cell] as number) - before);
      before = counts[cell] as number;
    }
    writeSpan(writer, zeroBucket + first - end, cell - first);
    end = zeroBucket + cell;
  }
  // Without a span it would be read as a classic histogram.
  if (deltas.length === 0) writeSpan(writer, 0, 0);
  writer.sints(HISTOGRAM.delta, deltas);
}

function writeSpan(writer: ProtoWriter, offset: number, length: number): void {
  writer.message(HISTOGRAM.span, (span) => {
    span.sint(SPAN.offset, offset);
    span.uint(SPAN.length, length);
  });
}
