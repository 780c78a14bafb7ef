import { cellOf, type SketchRange } from "../sketch/rows.js";
import type { TenantSlots } from "../tenants/tenant-slots.js";
import type { Cells } from "./cells.js";
import type { Exemplar, ExemplarSource } from "./exemplar.js";
import type { LabelSet } from "./family.js";
import type { Sketches } from "./sketches.js";

/** Why a recording was not counted. */
export type Refusal = "not-finite" | "negative" | "too-large";
/** Told of a recording that is not counted. Recording never throws: it happens in the middle of other work. */
export type Refuse = (reason: Refusal) => void;

/** Larger amounts are refused: a few of them would make a sum infinite, which no later amount could change. */
const LARGEST = 2 ** 960;

function reasonFor(value: unknown): Refusal {
  if (typeof value !== "number" || !Number.isFinite(value)) return "not-finite";
  return value < 0 ? "negative" : "too-large";
}

/** True for a number that may be added to a counter. NaN fails the comparison; a string would pass it, and be appended. */
const isAmount = (value: number): boolean => typeof value === "number" && value >= 0 && value <= LARGEST;

export class CounterSeries {
  readonly labels: LabelSet;
  readonly cells: Cells;
  readonly #refuse: Refuse;

  constructor(labels: LabelSet, cells: Cells, refuse: Refuse) {
    this.labels = labels;
    this.cells = cells;
    this.#refuse = refuse;
  }

  /** Adds an amount >= 0. Another one is refused, and counted as such. */
  inc(amount = 1): void {
    if (isAmount(amount)) this.cells.add(0, amount);
    else this.#refuse(reasonFor(amount));
  }
}

export class TenantCounterSeries {
  readonly labels: LabelSet;
  readonly cells: Cells;
  readonly #slots: TenantSlots;
  readonly #refuse: Refuse;

  constructor(labels: LabelSet, cells: Cells, { slots, refuse }: { slots: TenantSlots; refuse: Refuse }) {
    this.labels = labels;
    this.cells = cells;
    this.#slots = slots;
    this.#refuse = refuse;
  }

  /** Adds an amount >= 0 for a tenant; `undefined` and `""` are work without one. */
  inc(tenantId: string | undefined, amount = 1): void {
    if (!isAmount(amount)) {
      this.#refuse(reasonFor(amount));
      return;
    }
    this.cells.add(this.#slots.slotFor(tenantId), amount);
  }

  /** The same for a slot that is known already, without counting the event a second time. */
  incSlot(slot: number, amount: number): void {
    if (isAmount(amount)) this.cells.add(slot, amount);
    else this.#refuse(reasonFor(amount));
  }
}

export class GaugeSeries {
  readonly labels: LabelSet;
  readonly cells: Cells;

  constructor(labels: LabelSet, cells: Cells) {
    this.labels = labels;
    this.cells = cells;
  }

  /** Sets any number, NaN and the infinities included. */
  set(value: number): void {
    this.cells.set(0, value);
  }

  inc(amount = 1): void {
    this.cells.set(0, this.cells.get(0) + amount);
  }

  dec(amount = 1): void {
    this.inc(-amount);
  }
}

export interface HistogramParts {
  readonly sketches: Sketches;
  readonly range: SketchRange;
  readonly refuse: Refuse;
  readonly exemplarOf: ExemplarSource | undefined;
}

abstract class SketchSeries {
  readonly labels: LabelSet;
  readonly sketches: Sketches;
  readonly range: SketchRange;
  /** The last exemplar of each slot and cell. */
  readonly exemplars: Map<string, Exemplar> = new Map();
  protected readonly refuse: Refuse;
  readonly #exemplarOf: ExemplarSource | undefined;

  constructor(labels: LabelSet, { sketches, range, refuse, exemplarOf }: HistogramParts) {
    this.labels = labels;
    this.sketches = sketches;
    this.range = range;
    this.refuse = refuse;
    this.#exemplarOf = exemplarOf;
  }

  /** Adds one value to the sketch of a slot. */
  observeSlot(slot: number, value: number): void {
    const cell = cellOf(value, this.range);
    this.sketches.rows.observe(this.sketches.rowOf(slot), cell, value);
    if (this.#exemplarOf !== undefined) this.#takeExemplar(`${slot}:${cell}`, value);
  }

  #takeExemplar(key: string, value: number): void {
    const exemplar = this.#exemplarOf?.(value);
    if (exemplar !== undefined) this.exemplars.set(key, exemplar);
  }
}

export class HistogramSeries extends SketchSeries {
  /** Adds a value >= 0. Another one is refused, and counted as such. */
  observe(value: number): void {
    if (isAmount(value)) this.observeSlot(0, value);
    else this.refuse(reasonFor(value));
  }

  /** Adds the same value several times. @param count integer >= 0 */
  observeMany(value: number, count: number): void {
    const { rows } = this.sketches;
    const row = this.sketches.rowOf(0);
    rows.add(row, cellOf(value, this.range), count);
    rows.addSum(row, value * count);
  }
}

export class TenantHistogramSeries extends SketchSeries {
  readonly #slots: TenantSlots;

  constructor(labels: LabelSet, parts: HistogramParts, slots: TenantSlots) {
    super(labels, parts);
    this.#slots = slots;
  }

  /** Adds a value >= 0 for a tenant; `undefined` and `""` are work without one. */
  observe(tenantId: string | undefined, value: number): void {
    if (!isAmount(value)) {
      this.refuse(reasonFor(value));
      return;
    }
    this.observeSlot(this.#slots.slotFor(tenantId), value);
  }
}
