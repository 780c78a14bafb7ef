import { ConfigError } from "@scale/core";
import { SketchRows, type SketchRange, sketchRange } from "../sketch/rows.js";
import { bucketOf } from "../sketch/grid.js";
import type { TenantSlots } from "../tenants/tenant-slots.js";
import { Cells } from "./cells.js";
import {
  DEFAULT_SMALLEST,
  type Definition,
  defineMetric,
  type HistogramOptions,
  type MetricOptions,
  type MetricType,
} from "./definition.js";
import type { ExemplarSource } from "./exemplar.js";
import { Family } from "./family.js";
import {
  CounterSeries,
  GaugeSeries,
  HistogramSeries,
  type HistogramParts,
  type Refuse,
  TenantCounterSeries,
  TenantHistogramSeries,
} from "./series.js";
import { Sketches } from "./sketches.js";

export type ScalarFamily = Family<CounterSeries | TenantCounterSeries | GaugeSeries>;
export type SketchFamily = Family<HistogramSeries | TenantHistogramSeries>;

/** A metric whose series are one number each. */
export interface ScalarMetric {
  readonly kind: "scalar";
  readonly family: ScalarFamily;
}

/** A metric whose series are sketches. */
export interface SketchMetric {
  readonly kind: "sketch";
  readonly family: SketchFamily;
  readonly range: SketchRange;
  /** Buckets of the grid that are bounds of the text formats, rising. */
  readonly bounds: readonly number[];
}

export type Metric = ScalarMetric | SketchMetric;

export interface RegistryOptions {
  readonly slots: TenantSlots;
  readonly maxLabelSets: number;
  readonly exemplarOf: ExemplarSource | undefined;
}

const DEFAULT_BOUNDS = Array.from({ length: 12 }, (_, i) => 2 ** (i - 8));
const RANGE = 182;

/** Every metric of a process, by name. */
export class Registry {
  readonly slots: TenantSlots;
  readonly rows: SketchRows = new SketchRows();
  readonly #options: RegistryOptions;
  readonly #metrics = new Map<string, Metric>();
  readonly #defined: ((name: string) => void)[] = [];
  readonly #moved: ((from: number, to: number) => void)[] = [];
  readonly #refusals: Family<CounterSeries>;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.slots = options.slots;
    this.slots.onMove((from, to) => this.#move(from, to));
    this.slots.onTurn((windows) => this.rows.turn(windows));
    this.#refusals = this.counter({
      name: "scale_metrics_refused_total",
      help: "Recordings that were not counted: negative, or not a finite number.",
      labels: ["metric", "reason"],
    });
  }

  counter<Name extends string = never>(options: MetricOptions<Name>): Family<CounterSeries, Name> {
    const refuse = this.#refuseFor(options.name);
    return this.#scalar("counter", options, (labels) => new CounterSeries(labels, new Cells(1), refuse));
  }

  gauge<Name extends string = never>(options: MetricOptions<Name>): Family<GaugeSeries, Name> {
    return this.#scalar("gauge", options, (labels) => new GaugeSeries(labels, new Cells(1)));
  }

  histogram<Name extends string = never>(options: HistogramOptions<Name>): Family<HistogramSeries, Name> {
    return this.#sketch(options, false, (labels, parts) => new HistogramSeries(labels, parts));
  }

  tenantCounter<Name extends string = never>(options: MetricOptions<Name>): Family<TenantCounterSeries, Name> {
    const parts = { slots: this.slots, refuse: this.#refuseFor(options.name) };
    return this.#scalar("counter", options, (labels) => new TenantCounterSeries(labels, new Cells(), parts), true);
  }

  tenantHistogram<Name extends string = never>(options: HistogramOptions<Name>): Family<TenantHistogramSeries, Name> {
    return this.#sketch(options, true, (labels, parts) => new TenantHistogramSeries(labels, parts, this.slots));
  }

  get metrics(): Iterable<Metric> {
    return this.#metrics.values();
  }

  find(name: string): Metric | undefined {
    return this.#metrics.get(name);
  }

  /** Calls the listener with the name of every metric, those of later included. */
  onDefine(listener: (name: string) => void): () => void {
    for (const name of this.#metrics.keys()) listener(name);
    this.#defined.push(listener);
    return () => void this.#defined.splice(this.#defined.indexOf(listener), 1);
  }

  /** Calls the listener before the values of a tenant move to those of `other`. */
  onMove(listener: (from: number, to: number) => void): () => void {
    this.#moved.push(listener);
    return () => void this.#moved.splice(this.#moved.indexOf(listener), 1);
  }

  // oxlint-disable-next-line max-params -- private, and each of its callers names all of them
  #scalar<Bound extends CounterSeries | TenantCounterSeries | GaugeSeries, Name extends string>(
    type: MetricType,
    options: MetricOptions<Name>,
    create: (labels: Family<Bound>["series"][number]["labels"]) => Bound,
    perTenant = false,
  ): Family<Bound, Name> {
    const family = new Family<Bound, Name>(this.#define(type, perTenant, options), create, this.#options.maxLabelSets);
    this.#keep({ kind: "scalar", family });
    if (options.labels === undefined || options.labels.length === 0) family.bind({} as never);
    return family;
  }

  #sketch<Bound extends HistogramSeries | TenantHistogramSeries, Name extends string>(
    options: HistogramOptions<Name>,
    perTenant: boolean,
    create: (labels: Bound["labels"], parts: HistogramParts) => Bound,
  ): Family<Bound, Name> {
    const definition = this.#define("histogram", perTenant, options);
    const smallest = options.smallest ?? DEFAULT_SMALLEST;
    if (!(smallest > 0 && smallest < 2 ** 900))
      throw new ConfigError(`metric ${options.name}: smallest: expected a number > 0, got ${smallest}`);
    const range = sketchRange(smallest);
    const refuse = this.#refuseFor(options.name);
    const { exemplarOf } = this.#options;
    const make = (labels: Bound["labels"]): Bound =>
      create(labels, { sketches: new Sketches(this.rows, perTenant ? 4 : 1), range, refuse, exemplarOf });
    const family = new Family<Bound, Name>(definition, make, this.#options.maxLabelSets);
    const bounds = boundsOf(options, range);
    this.#keep({ kind: "sketch", family, range, bounds });
    return family;
  }

  #keep(metric: Metric): void {
    const { name } = metric.family.definition;
    this.#metrics.set(name, metric);
    for (const listener of this.#defined) listener(name);
  }

  #define(type: MetricType, perTenant: boolean, options: MetricOptions): Definition {
    const definition = defineMetric(type, perTenant, options);
    if (this.#metrics.has(definition.name))
      throw new ConfigError(`metric ${definition.name}: expected a name that is not used yet; keep the first metric`);
    return definition;
  }

  #refuseFor(metric: string): Refuse {
    return (reason) => this.#refusals.bind({ metric, reason }).inc();
  }

  #move(from: number, to: number): void {
    for (const listener of this.#moved) listener(from, to);
    for (const metric of this.#metrics.values()) {
      if (!metric.family.definition.perTenant) continue;
      if (metric.kind === "scalar") for (const { cells } of metric.family.series) cells.move(from, to);
      else for (const series of metric.family.series) moveSketch(series, from, to);
    }
  }
}

function moveSketch({ sketches, exemplars }: HistogramSeries | TenantHistogramSeries, from: number, to: number): void {
  sketches.move(from, to);
  for (const key of exemplars.keys()) if (key.startsWith(`${from}:`)) exemplars.delete(key);
}

/** Buckets of the grid that are the bounds of the text formats. */
function boundsOf({ name, smallest, buckets }: HistogramOptions, range: SketchRange): number[] {
  const bounds = buckets ?? (smallest === undefined ? DEFAULT_BOUNDS : defaultBoundsFrom(range.zero));
  if (bounds.length === 0 || bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? 0)) || bound === Infinity))
    throw new ConfigError(`metric ${name}: buckets: expected rising numbers > 0, got ${bounds.join(", ")}`);
  const found = bounds
    .map(bucketOf)
    .filter((bucket) => bucket < range.zeroBucket + RANGE && bucket >= range.zeroBucket);
  return [...new Set(found)];
}

const defaultBoundsFrom = (zero: number): number[] => Array.from({ length: 12 }, (_, i) => zero * 2 ** i);
