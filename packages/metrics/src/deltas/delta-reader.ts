import { Cells } from "../instruments/cells.js";
import type { LabelPairs } from "../instruments/label-text.js";
import type { Metric, Registry, ScalarMetric, SketchMetric } from "../instruments/registry.js";
import { Sketches } from "../instruments/sketches.js";
import { SketchRows } from "../sketch/rows.js";
import { NO_TENANT } from "../tenants/tenant-slots.js";

/** The tenant of a series: an id, all tenants without a series of their own, or work without a tenant. */
export type TenantOf = { readonly tenantId: string } | "other" | "none";

interface DeltaBase {
  readonly metric: Metric;
  /** Labels besides those of the tenant. */
  readonly labels: LabelPairs;
  readonly tenant: TenantOf;
  /** Labels of the tenant; none for a metric that is not per tenant. */
  readonly tenantLabels: LabelPairs;
}

/** The amount that was recorded on a series since the last reading. */
export type Delta = DeltaBase &
  (
    | { readonly kind: "amount"; readonly amount: number }
    | { readonly kind: "level"; readonly value: number }
    | {
        readonly kind: "sketch";
        readonly cells: readonly (readonly [cell: number, count: number])[];
        readonly sum: number;
      }
  );

/** Readings of what was recorded, for one consumer: every amount is in exactly one of them. */
export interface MetricsReader {
  /** Runs the collectors, which set the gauges that are read on demand. */
  collect(): Promise<void>;
  /**
   * Returns the amounts that were recorded since the last reading, series by series, and the level of every gauge. Each series is read at once;
   * other work may run between two of them.
   * @param names metrics to read, all without them
   */
  read(names?: ReadonlySet<string>): Iterable<Delta>;
  /** Ends the reader: nothing is kept for it any more. */
  close(): void;
}

/**
 * Reads what was recorded since its last reading, series by series. It keeps what it has read, so that every amount is in
 * one reading, whatever series its tenant has meanwhile.
 */
export class DeltaReader {
  readonly #registry: Registry;
  readonly #rows = new SketchRows();
  readonly #cells = new WeakMap<object, Cells>();
  readonly #sketches = new WeakMap<object, Sketches>();
  readonly #end: () => void;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#end = registry.onMove((from, to) => this.#move(from, to));
  }

  /**
   * Reads every series. Each one is read at once; other work may run between two of them.
   * @param names metrics to read, all without them
   */
  *read(names?: ReadonlySet<string>): Generator<Delta> {
    this.#registry.slots.turnWhenDue();
    for (const metric of [...this.#registry.metrics]) {
      if (names !== undefined && !names.has(metric.family.definition.name)) continue;
      if (metric.kind === "scalar") yield* this.#scalars(metric);
      else yield* this.#distributions(metric);
    }
  }

  /** Ends the reader: nothing is kept for it any more. */
  close(): void {
    this.#end();
  }

  *#scalars(metric: ScalarMetric): Generator<Delta> {
    const { perTenant, type } = metric.family.definition;
    for (const { labels, cells } of metric.family.series) {
      const length = perTenant ? Math.min(cells.length, this.#registry.slots.length) : 1;
      for (let slot = 0; slot < length; slot++) {
        const base = this.#base(metric, labels.pairs, slot);
        const amount = type === "gauge" ? 0 : this.#amountOf(cells, slot);
        if (type === "gauge") yield { ...base, kind: "level", value: cells.get(slot) };
        else if (amount > 0) yield { ...base, kind: "amount", amount };
      }
    }
  }

  #amountOf(cells: Cells, slot: number): number {
    const kept = this.#keptCells(cells);
    // Most series did not change, and those that never passed 2^52 are one number.
    if (cells.get(slot) === kept.get(slot) && !cells.isSplit) return 0;
    const now = cells.parts(slot);
    const before = kept.parts(slot);
    const amount = now.high - before.high + (now.low - before.low);
    if (amount > 0) {
      kept.set(slot, 0);
      kept.addParts(slot, now);
    }
    return amount;
  }

  *#distributions(metric: SketchMetric): Generator<Delta> {
    const { perTenant } = metric.family.definition;
    for (const { labels, sketches } of metric.family.series) {
      const length = perTenant ? Math.min(sketches.length, this.#registry.slots.length) : 1;
      for (let slot = 0; slot < length; slot++) {
        const row = sketches.find(slot);
        const found = row === undefined ? undefined : this.#cellsOf(sketches, { row, slot });
        if (found !== undefined) yield { ...this.#base(metric, labels.pairs, slot), kind: "sketch", ...found };
      }
    }
  }

  #cellsOf(sketches: Sketches, { row, slot }: { row: number; slot: number }) {
    const kept = this.#keptSketches(sketches).rowOf(slot);
    const cells = sketches.rows.changes(row, this.#rows, kept);
    if (cells.length === 0) return undefined;
    for (const [cell, count] of cells) this.#rows.add(kept, cell, count);
    const sum = sketches.rows.sum(row) - this.#rows.sum(kept);
    this.#rows.addSum(kept, sum);
    return { cells, sum };
  }

  #base(metric: Metric, labels: LabelPairs, slot: number): DeltaBase {
    const { slots } = this.#registry;
    if (!metric.family.definition.perTenant) return { metric, labels, tenant: "none", tenantLabels: [] };
    const tenantId = slots.idOf(slot);
    const tenant = tenantId === undefined ? (slot === NO_TENANT ? "none" : "other") : { tenantId };
    return { metric, labels, tenant, tenantLabels: slots.labelsOf(slot) };
  }

  #keptCells(cells: Cells): Cells {
    const kept = this.#cells.get(cells) ?? new Cells(cells.length);
    this.#cells.set(cells, kept);
    return kept;
  }

  #keptSketches(sketches: Sketches): Sketches {
    const kept = this.#sketches.get(sketches) ?? new Sketches(this.#rows, sketches.length);
    this.#sketches.set(sketches, kept);
    return kept;
  }

  /** The amounts that were read of a tenant move with its values. */
  #move(from: number, to: number): void {
    for (const metric of this.#registry.metrics) {
      if (!metric.family.definition.perTenant) continue;
      if (metric.kind === "scalar")
        for (const { cells } of metric.family.series) this.#cells.get(cells)?.move(from, to);
      else for (const { sketches } of metric.family.series) this.#sketches.get(sketches)?.move(from, to);
    }
  }
}
