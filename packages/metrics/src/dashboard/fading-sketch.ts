import type { Counts } from "../sketch/quantile.js";
import { CELLS } from "../sketch/rows.js";

/** A value is worth half after so many seconds, so that those of a minute ago are worth 1 %. */
const HALF_LIFE = 9;
/** Weight of one request after a minute. */
const LEAST = 0.5 ** (60 / HALF_LIFE);

/** Response times of a tenant, of about the last minute, in 736 bytes. */
export class FadingSketch {
  readonly #cells = new Float32Array(CELLS);
  #second = 0;

  add(second: number, counts: readonly (readonly [cell: number, count: number])[]): void {
    this.#fadeTo(second);
    for (const [cell, count] of counts) this.#cells[cell] = (this.#cells[cell] as number) + count;
  }

  /** Counts by cell, each worth less the older it is. */
  countsAt(second: number): Counts {
    this.#fadeTo(second);
    return this.#cells;
  }

  #fadeTo(second: number): void {
    const passed = second - this.#second;
    if (passed <= 0) return;
    this.#second = second;
    const factor = 0.5 ** (passed / HALF_LIFE);
    for (let cell = 0; cell < CELLS; cell++) {
      const left = (this.#cells[cell] as number) * factor;
      this.#cells[cell] = left < LEAST ? 0 : left;
    }
  }
}
