import { bucketOf, middleOf, upperBound } from "./grid.js";

/** Cells of a row: values at or below the range, the buckets of the grid, values above the range. */
export const CELLS = 184;
const LAST = CELLS - 1;
const SHIFT = 9;
const ROWS = 2 ** SHIFT;
/**
 * A cell is one word: the low half of its count since the start, and above it its recent count. High halves are in arrays of
 * their own, which exist when a count has passed 2^16: what is touched by most observations is as small as it can be.
 */
const HALF = 65_536;
const LOW = HALF - 1;
const ONE_OF_EACH = HALF + 1;
const WRAP = HALF * HALF;

/** The values that a sketch tells apart: 22.75 powers of two from a smallest one on. */
export interface SketchRange {
  /** Bucket of the grid whose upper bound is the smallest value that is told from zero. */
  readonly zeroBucket: number;
  /** Upper bound of the cell of zero. */
  readonly zero: number;
}

/** @param smallest values up to it count as zero; rounded up to the next bound of the grid */
export function sketchRange(smallest: number): SketchRange {
  const zeroBucket = bucketOf(smallest);
  return { zeroBucket, zero: upperBound(zeroBucket) };
}

/** Cell of a value >= 0. */
export function cellOf(value: number, { zeroBucket, zero }: SketchRange): number {
  if (value <= zero) return 0;
  const cell = bucketOf(value) - zeroBucket;
  return cell < LAST ? cell : LAST;
}

/** Bucket of the grid that a cell counts. The last cell stands for the bucket above the range. */
const bucketOfCell = (cell: number, { zeroBucket }: SketchRange): number => zeroBucket + cell;

/** The value that stands for all values of a cell. */
export const valueOfCell = (cell: number, range: SketchRange): number =>
  cell === 0 ? 0 : middleOf(bucketOfCell(cell, range));

/**
 * Sketches in few large arrays: 736 bytes each, 1,104 when a count has passed 2^16, however many there are. A row has its
 * counts since the start, which add up to other rows cell by cell, and counts of the last windows.
 */
export class SketchRows {
  /** Words of the cells, by chunk of rows. */
  readonly #chunks: Uint32Array[] = [];
  /** High halves of counts since the start, by chunk. */
  readonly #highs: (Uint16Array | undefined)[] = [];
  #sums = new Float64Array(ROWS);
  /** The window up to which the recent counts of a row were halved. */
  #windows = new Uint32Array(ROWS);
  readonly #free: number[] = [];
  /** Multiples of 2^32 of cells that went past it. */
  readonly #wraps = new Map<number, number>();
  #next = 0;
  #window = 0;

  allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next % ROWS === 0) this.#grow();
    return this.#next++;
  }

  /** Clears a row and keeps it for the next `allocate`. */
  release(row: number): void {
    const at = firstWord(row);
    this.#wordsOf(row).fill(0, at, at + CELLS);
    this.#highs[row >>> SHIFT]?.fill(0, at, at + CELLS);
    this.#sums[row] = 0;
    if (this.#wraps.size > 0) for (let cell = 0; cell < CELLS; cell++) this.#wraps.delete(row * CELLS + cell);
    this.#free.push(row);
  }

  /** Begins a new window: recent counts are worth half as much. @param windows how many began since the last call */
  turn(windows: number): void {
    this.#window += windows;
  }

  observe(row: number, cell: number, value: number): void {
    this.#sums[row] = (this.#sums[row] as number) + value;
    if (this.#windows[row] !== this.#window) this.#decay(row);
    const words = this.#chunks[row >>> SHIFT] as Uint32Array;
    const at = (row & (ROWS - 1)) * CELLS + cell;
    const word = words[at] as number;
    // Neither half is full: both are counted by one addition.
    if ((word & LOW) !== LOW && word < LOW * HALF) words[at] = word + ONE_OF_EACH;
    else this.#addCarefully(row, cell, 1);
  }

  /** Adds many observations of one cell. */
  add(row: number, cell: number, count: number): void {
    this.#decay(row);
    this.#addCarefully(row, cell, count);
  }

  addSum(row: number, sum: number): void {
    this.#sums[row] = (this.#sums[row] as number) + sum;
  }

  /** Adds all of `from` to `to`; `from` stays as it is. */
  merge(to: number, from: number): void {
    for (let cell = 0; cell < CELLS; cell++) {
      const count = this.count(from, cell);
      if (count > 0) this.add(to, cell, count);
    }
    this.addSum(to, this.sum(from));
  }

  count(row: number, cell: number): number {
    const words = this.#chunks[row >>> SHIFT] as Uint32Array;
    const at = (row & (ROWS - 1)) * CELLS + cell;
    const highs = this.#highs[row >>> SHIFT];
    const low = (words[at] as number) & LOW;
    if (highs === undefined) return low;
    const total = low + (highs[at] as number) * HALF;
    return this.#wraps.size === 0 ? total : total + (this.#wraps.get(row * CELLS + cell) ?? 0) * WRAP;
  }

  /** Cells whose counts differ from those of a row that was a copy of this one, and by how much they are higher. */
  changes(row: number, copies: SketchRows, copy: number): [cell: number, count: number][] {
    const [now, then] = [this.#wordsOf(row), copies.#wordsOf(copy)];
    const [atNow, atThen] = [firstWord(row), firstWord(copy)];
    // Low halves that are the same are counts that are the same, unless high halves are kept.
    const isWhole = this.#highs[row >>> SHIFT] === undefined;
    const found: [number, number][] = [];
    for (let cell = 0; cell < CELLS; cell++) {
      if (isWhole && (((now[atNow + cell] as number) ^ (then[atThen + cell] as number)) & LOW) === 0) continue;
      const count = this.count(row, cell) - copies.count(copy, cell);
      if (count !== 0) found.push([cell, count]);
    }
    return found;
  }

  sum(row: number): number {
    return this.#sums[row] as number;
  }

  /** Counts of one row since the start, added to those of other rows. */
  totals(row: number, sum: Float64Array = new Float64Array(CELLS)): Float64Array {
    for (let cell = 0; cell < CELLS; cell++) sum[cell] = (sum[cell] as number) + this.count(row, cell);
    return sum;
  }

  /** Counts of the last windows, each worth half of the one after it, added to those of other rows. */
  recent(row: number, sum: Float64Array = new Float64Array(CELLS)): Float64Array {
    this.#decay(row);
    const words = this.#wordsOf(row);
    const from = firstWord(row);
    for (let cell = 0; cell < CELLS; cell++)
      sum[cell] = (sum[cell] as number) + ((words[from + cell] as number) >>> 16);
    return sum;
  }

  /** Adds to a cell whose halves may be full. */
  #addCarefully(row: number, cell: number, count: number): void {
    const words = this.#wordsOf(row);
    const at = firstWord(row) + cell;
    const low = this.#addTotal(row, cell, count);
    let weight = count;
    // A full cell halves its row, which keeps the shape of the distribution.
    while (((words[at] as number) >>> 16) + weight >= HALF) {
      this.#halve(row, 1);
      weight = Math.floor(weight / 2);
    }
    words[at] = (((words[at] as number) >>> 16) + weight) * HALF + low;
  }

  /** Adds to the high half of a count, and above it. @returns the low half */
  #addTotal(row: number, cell: number, count: number): number {
    const at = firstWord(row) + cell;
    const sum = ((this.#wordsOf(row)[at] as number) & LOW) + count;
    if (sum < HALF) return sum;
    const highs = (this.#highs[row >>> SHIFT] ??= new Uint16Array(ROWS * CELLS));
    const high = (highs[at] as number) + Math.floor(sum / HALF);
    if (high >= HALF) {
      const key = row * CELLS + cell;
      this.#wraps.set(key, (this.#wraps.get(key) ?? 0) + Math.floor(high / HALF));
    }
    highs[at] = high % HALF;
    return sum % HALF;
  }

  #decay(row: number): void {
    const passed = this.#window - (this.#windows[row] as number);
    if (passed === 0) return;
    this.#windows[row] = this.#window;
    this.#halve(row, Math.min(16, passed));
  }

  #halve(row: number, times: number): void {
    const words = this.#wordsOf(row);
    const from = firstWord(row);
    for (let at = from; at < from + CELLS; at++) {
      const word = words[at] as number;
      words[at] = ((word >>> 16) >>> times) * HALF + (word & LOW);
    }
  }

  #wordsOf(row: number): Uint32Array {
    return this.#chunks[row >>> SHIFT] as Uint32Array;
  }

  #grow(): void {
    this.#chunks.push(new Uint32Array(ROWS * CELLS));
    const length = this.#chunks.length * ROWS;
    if (length <= this.#sums.length) return;
    const [sums, windows] = [new Float64Array(2 * length), new Uint32Array(2 * length)];
    sums.set(this.#sums);
    windows.set(this.#windows);
    [this.#sums, this.#windows] = [sums, windows];
  }
}

const firstWord = (row: number): number => (row & (ROWS - 1)) * CELLS;
