/** Whole seconds that are kept, besides the present one. */
export const SECONDS = 60;
const LENGTH = SECONDS + 1;

/** Sums of several columns by second, of the last minute. */
export class SecondsRing {
  readonly #columns: number;
  readonly #cells: Float64Array;
  #last = Number.NEGATIVE_INFINITY;

  constructor(columns: number) {
    this.#columns = columns;
    this.#cells = new Float64Array(LENGTH * columns);
  }

  /** Adds to a column of the present second. Seconds never step back. */
  add(second: number, column: number, amount: number): void {
    this.#turnTo(second);
    const at = placeOf(second) * this.#columns + column;
    this.#cells[at] = (this.#cells[at] as number) + amount;
  }

  /** Amount of one second of the last minute. */
  at(second: number, column: number): number {
    const isKept = second <= this.#last && second > this.#last - LENGTH;
    return isKept ? (this.#cells[placeOf(second) * this.#columns + column] as number) : 0;
  }

  /** Sum over the whole seconds before the present one. */
  sum(present: number, column: number): number {
    let sum = 0;
    for (let second = present - SECONDS; second < present; second++) sum += this.at(second, column);
    return sum;
  }

  /** The last second with an amount. */
  get last(): number {
    return this.#last;
  }

  #turnTo(second: number): void {
    if (second <= this.#last) return;
    const passed = Math.min(LENGTH, second - this.#last);
    for (let i = 0; i < passed; i++) {
      const from = placeOf(second - i) * this.#columns;
      this.#cells.fill(0, from, from + this.#columns);
    }
    this.#last = second;
  }
}

const placeOf = (second: number): number => ((second % LENGTH) + LENGTH) % LENGTH;
