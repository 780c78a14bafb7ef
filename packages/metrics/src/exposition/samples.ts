import type { Cells } from "../instruments/cells.js";
import type { LabelSet } from "../instruments/family.js";
import type { Metric, ScalarMetric, SketchMetric } from "../instruments/registry.js";
import type { LabelPairs } from "../instruments/label-text.js";
import type { TenantSlots } from "../tenants/tenant-slots.js";

/** One series at the moment of its reading. */
export interface ScalarSample {
  readonly labels: SampleLabels;
  readonly value: number;
}

export interface SketchSample {
  readonly labels: SampleLabels;
  readonly row: number;
  readonly slot: number;
  readonly series: SketchMetric["family"]["series"][number];
}

/** Labels of a sample, built only in the form that a format needs. */
export interface SampleLabels {
  /** As the text formats have them, without braces; "" for none. */
  text(): string;
  pairs(): LabelPairs;
}

/** Series of a metric with one number each. A tenant's series exists from its first event on. */
export function* scalarSamples({ family }: ScalarMetric, slots: TenantSlots): Generator<ScalarSample> {
  for (const { labels, cells } of family.series) {
    if (family.definition.perTenant) yield* tenantScalars({ labels, cells }, slots);
    else yield { labels: ownLabels(labels), value: cells.get(0) };
  }
}

function* tenantScalars(
  { labels, cells }: { labels: LabelSet; cells: Cells },
  slots: TenantSlots,
): Generator<ScalarSample> {
  const length = Math.min(cells.length, slots.length);
  for (let slot = 0; slot < length; slot++) {
    const value = cells.get(slot);
    if (value !== 0) yield { labels: slotLabels(labels, slots, slot), value };
  }
}

/** Series of a histogram. */
export function* sketchSamples({ family }: SketchMetric, slots: TenantSlots): Generator<SketchSample> {
  const { perTenant } = family.definition;
  for (const series of family.series) {
    const { labels, sketches } = series;
    const length = perTenant ? Math.min(sketches.length, slots.length) : 1;
    for (let slot = 0; slot < length; slot++) {
      const row = sketches.find(slot);
      if (row === undefined) continue;
      yield { labels: perTenant ? slotLabels(labels, slots, slot) : ownLabels(labels), row, slot, series };
    }
  }
}

const ownLabels = (labels: LabelSet): SampleLabels => ({ text: () => labels.text, pairs: () => labels.pairs });

function slotLabels(
  own: { readonly text: string; readonly pairs: LabelPairs },
  slots: TenantSlots,
  slot: number,
): SampleLabels {
  return {
    text() {
      const tenant = slots.textOf(slot);
      if (own.text === "") return tenant;
      return tenant === "" ? own.text : `${own.text},${tenant}`;
    },
    pairs: () => [...own.pairs, ...slots.labelsOf(slot)],
  };
}

/** The base of a name: OpenMetrics names a counter without `_total`. */
export const baseName = (metric: Metric): string => metric.family.definition.name.replace(/_total$/, "");
