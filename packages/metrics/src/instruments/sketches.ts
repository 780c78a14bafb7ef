import type { SketchRows } from "../sketch/rows.js";

const NONE = -1;

/** One sketch for each slot that has observations. */
export class Sketches {
  readonly rows: SketchRows;
  #places: Int32Array;

  constructor(rows: SketchRows, length = 4) {
    this.rows = rows;
    this.#places = new Int32Array(length).fill(NONE);
  }

  /** Row of a slot, allocated when the slot has none. */
  rowOf(slot: number): number {
    const row = this.#places[slot];
    return row === undefined || row === NONE ? this.#allocate(slot) : row;
  }

  find(slot: number): number | undefined {
    const row = this.#places[slot];
    return row === NONE ? undefined : row;
  }

  /** Adds the sketch of one slot to another one, and frees it. */
  move(from: number, to: number): void {
    const row = this.find(from);
    if (row === undefined) return;
    this.rows.merge(this.rowOf(to), row);
    this.rows.release(row);
    this.#places[from] = NONE;
  }

  /** Slots may have sketches below it. */
  get length(): number {
    return this.#places.length;
  }

  #allocate(slot: number): number {
    if (slot >= this.#places.length) {
      const places = new Int32Array(Math.max(slot + 1, this.#places.length * 2)).fill(NONE);
      places.set(this.#places);
      this.#places = places;
    }
    const row = this.rows.allocate();
    this.#places[slot] = row;
    return row;
  }
}
