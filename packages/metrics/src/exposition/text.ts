import type { Exemplar } from "../instruments/exemplar.js";
import { labelText } from "../instruments/label-text.js";
import type { Metric, SketchMetric } from "../instruments/registry.js";
import { upperBound } from "../sketch/grid.js";
import { CELLS, type SketchRows } from "../sketch/rows.js";
import type { TenantSlots } from "../tenants/tenant-slots.js";
import { baseName, type SketchSample, scalarSamples, sketchSamples } from "./samples.js";

export type TextFormat = "text" | "openmetrics";

/** Returns the lines that introduce a metric. */
export function headOf(metric: Metric, format: TextFormat): string {
  const { name, help, type, unit } = metric.family.definition;
  const called = format === "openmetrics" ? baseName(metric) : name;
  const escaped = escapeHelp(help, format);
  const unitLine = format === "openmetrics" && unit !== undefined ? `# UNIT ${called} ${unit}\n` : "";
  return `# HELP ${called} ${escaped}\n# TYPE ${called} ${type}\n${unitLine}`;
}

export function escapeHelp(help: string, format: TextFormat): string {
  const escaped = help.replaceAll("\\", String.raw`\\`).replaceAll("\n", String.raw`\n`);
  return format === "openmetrics" ? escaped.replaceAll('"', String.raw`\"`) : escaped;
}

/** Writes the lines of a metric, one series at a time. */
export function* seriesText(
  metric: Metric,
  { slots, rows, format }: { slots: TenantSlots; rows: SketchRows; format: TextFormat },
): Generator<string> {
  const { name } = metric.family.definition;
  if (metric.kind === "scalar") {
    for (const { labels, value } of scalarSamples(metric, slots)) yield sampleLine(name, labels.text(), value);
    return;
  }
  const tails = boundTexts(metric);
  for (const sample of sketchSamples(metric, slots)) yield histogramLines(metric, sample, { rows, tails, format });
}

export const sampleLine = (name: string, labels: string, value: number): string =>
  labels === "" ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`;

/** A number as the text formats have it. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

const boundTexts = ({ bounds }: SketchMetric): string[] =>
  bounds.map((bucket) => `le="${floatText(upperBound(bucket))}"} `);

/** OpenMetrics wants the bounds of buckets as floating-point numbers; both formats read them. */
const floatText = (value: number): string =>
  Number.isInteger(value) && value < 1e21 ? value.toFixed(1) : String(value);

interface Histogram {
  readonly rows: SketchRows;
  readonly tails: readonly string[];
  readonly format: TextFormat;
}

/** All lines of one histogram, read at one moment: its buckets, count and sum always agree. */
function histogramLines(metric: SketchMetric, sample: SketchSample, { rows, tails, format }: Histogram): string {
  const { range, bounds, family } = metric;
  const { name } = family.definition;
  const { row } = sample;
  const labels = sample.labels.text();
  const head = labels === "" ? `${name}_bucket{` : `${name}_bucket{${labels},`;
  const hasExemplars = format === "openmetrics" && sample.series.exemplars.size > 0;
  let text = "";
  let cumulative = 0;
  let cell = 0;
  for (let i = 0; i < bounds.length; i++) {
    const last = (bounds[i] as number) - range.zeroBucket;
    const first = cell;
    for (; cell <= last; cell++) cumulative += rows.count(row, cell);
    text += `${head}${tails[i]}${cumulative}${hasExemplars ? exemplarText(sample, first, last) : ""}\n`;
  }
  const first = cell;
  for (; cell < CELLS; cell++) cumulative += rows.count(row, cell);
  text += `${head}le="+Inf"} ${cumulative}${hasExemplars ? exemplarText(sample, first, CELLS - 1) : ""}\n`;
  const tail = labels === "" ? " " : `{${labels}} `;
  return `${text}${name}_sum${tail}${numberText(rows.sum(row))}\n${name}_count${tail}${cumulative}\n`;
}

function exemplarText({ series, slot }: SketchSample, from: number, to: number): string {
  let latest: Exemplar | undefined;
  for (let cell = from; cell <= to; cell++) {
    const found = series.exemplars.get(`${slot}:${cell}`);
    if (found !== undefined && found.at >= (latest?.at ?? 0)) latest = found;
  }
  return latest === undefined ? "" : ` # {${labelText(latest.labels)}} ${numberText(latest.value)} ${latest.at / 1000}`;
}
