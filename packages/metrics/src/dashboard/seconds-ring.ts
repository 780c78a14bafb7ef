/** Whole seconds that are kept, besides the present one. */
export const SECONDS = 60;
const LENGTH = SECONDS + 1;

/** Sums of several columns by second, of the last minute. Seconds never step back. */
export class SecondsRing {
  readonly #columns: number;
  readonly #cells: Float64Array;
  /** Amounts of all seconds that are kept, by column. */
  readonly #sums: Float64Array;
  #present = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(columns: number) {
    this.#columns = columns;
    this.#cells = new Float64Array(LENGTH * columns);
    this.#sums = new Float64Array(columns);
  }

  /** Adds to a column of the present second. */
  add(second: number, column: number, amount: number): void {
    this.#turnTo(second);
    this.#last = second;
    const at = placeOf(second) * this.#columns + column;
    this.#cells[at] = (this.#cells[at] as number) + amount;
    this.#sums[column] = (this.#sums[column] as number) + amount;
  }

  /** Amount of one second of the last minute. */
  at(second: number, column: number): number {
    const isKept = second <= this.#present && second > this.#present - LENGTH;
    return isKept ? (this.#cells[placeOf(second) * this.#columns + column] as number) : 0;
  }

  /** Sum over the whole seconds before the present one. */
  sum(present: number, column: number): number {
    this.#turnTo(present);
    return (this.#sums[column] as number) - this.at(present, column);
  }

  /** The last second with an amount. */
  get last(): number {
    return this.#last;
  }

  #turnTo(second: number): void {
    if (second <= this.#present) return;
    const passed = Math.min(LENGTH, second - this.#present);
    this.#present = second;
    for (let i = 0; i < passed; i++) this.#clear(placeOf(second - i) * this.#columns);
  }

  #clear(from: number): void {
    for (let column = 0; column < this.#columns; column++) {
      const amount = this.#cells[from + column] as number;
      if (amount === 0) continue;
      this.#sums[column] = (this.#sums[column] as number) - amount;
      this.#cells[from + column] = 0;
    }
  }
}

const placeOf = (second: number): number => ((second % LENGTH) + LENGTH) % LENGTH;
