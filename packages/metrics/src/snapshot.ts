import type { LabelPairs } from "./instruments/label-text.js";
import type { Definition } from "./instruments/definition.js";
import type { Metric, Registry, SketchMetric } from "./instruments/registry.js";
import { scalarSamples, sketchSamples } from "./exposition/samples.js";
import type { Slicer } from "./exposition/slices.js";
import { upperBound } from "./sketch/grid.js";

/** A histogram at one moment. Bucket `i` of the grid counts values in (2^((i - 1) / 8), 2^(i / 8)]. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sum: number;
  /** Values up to it are counted in `zeroCount`. */
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  /** Bucket of the grid that `counts` starts with. */
  readonly offset: number;
  /** Counts of adjacent buckets. */
  readonly counts: readonly number[];
  /** Upper bounds of the buckets of the text formats, and how many values are at or below each. */
  readonly buckets: readonly { readonly bound: number; readonly cumulative: number }[];
}

export interface SeriesSnapshot {
  readonly labels: LabelPairs;
  readonly value: number | HistogramSnapshot;
}

/** A metric with its series. */
export interface MetricSnapshot {
  readonly definition: Definition;
  readonly series: readonly SeriesSnapshot[];
}

/** Reads one metric in slices of the event loop. */
export async function snapshotOf(metric: Metric, registry: Registry, slicer: Slicer): Promise<MetricSnapshot> {
  const series: SeriesSnapshot[] = [];
  for (const one of seriesOf(metric, registry)) {
    series.push(one);
    if (slicer.isOver()) await slicer.pause();
  }
  return { definition: metric.family.definition, series };
}

function* seriesOf(metric: Metric, { slots, rows }: Registry): Generator<SeriesSnapshot> {
  if (metric.kind === "scalar") {
    for (const { labels, value } of scalarSamples(metric, slots)) yield { labels: labels.pairs(), value };
    return;
  }
  for (const { labels, row } of sketchSamples(metric, slots))
    yield { labels: labels.pairs(), value: histogramOf(metric, rows.totals(row), rows.sum(row)) };
}

function histogramOf({ range, bounds }: SketchMetric, counts: Float64Array, sum: number): HistogramSnapshot {
  let cumulative = 0;
  let cell = 0;
  const buckets = bounds.map((bucket) => {
    for (; cell <= bucket - range.zeroBucket; cell++) cumulative += counts[cell] ?? 0;
    return { bound: upperBound(bucket), cumulative };
  });
  const last = counts.findLastIndex((count, at) => at > 0 && count > 0);
  const first = counts.findIndex((count, at) => at > 0 && count > 0);
  return {
    count: counts.reduce((total, count) => total + count, 0),
    sum,
    zeroThreshold: range.zero,
    zeroCount: counts[0] ?? 0,
    offset: range.zeroBucket + Math.max(1, first),
    counts: last < 0 ? [] : [...counts.subarray(first, last + 1)],
    buckets,
  };
}
