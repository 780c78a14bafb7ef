import { bucketOf, middleOf, upperBound } from "./grid.js";

/** Cells of a row: values at or below the range, the buckets of the grid, values above the range. */
export const CELLS = 184;
const LAST = CELLS - 1;
const SHIFT = 9;
const ROWS = 2 ** SHIFT;
/** A cell is three words: its count since the start, low word first, and its recent count. They share a cache line. */
const WORDS = 3;
const RECENT = 2;
const WORD = 65_536;
const WRAP = WORD * WORD;

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
 * Sketches in few large arrays: 1,116 bytes each, however many there are. A row has its counts since the start, which add up
 * to other rows cell by cell, and counts of the last windows.
 */
export class SketchRows {
  readonly #chunks: Uint16Array[] = [];
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
    this.#wordsOf(row).fill(0, at, at + CELLS * WORDS);
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
    const words = this.#chunks[row >>> SHIFT] as Uint16Array;
    const at = ((row & (ROWS - 1)) * CELLS + cell) * WORDS;
    const total = (words[at] as number) + 1;
    const recent = (words[at + RECENT] as number) + 1;
    if (total === WORD || recent === WORD) {
      this.#addCarefully(row, cell, 1);
      return;
    }
    words[at] = total;
    words[at + RECENT] = recent;
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
    const words = this.#chunks[row >>> SHIFT] as Uint16Array;
    const at = ((row & (ROWS - 1)) * CELLS + cell) * WORDS;
    const total = (words[at] as number) + (words[at + 1] as number) * WORD;
    return this.#wraps.size === 0 ? total : total + (this.#wraps.get(row * CELLS + cell) ?? 0) * WRAP;
  }

  /** Cells whose counts differ from those of a row that was a copy of this one, and by how much they are higher. */
  changes(row: number, copies: SketchRows, copy: number): [cell: number, count: number][] {
    const [now, then] = [this.#wordsOf(row), copies.#wordsOf(copy)];
    const [atNow, atThen] = [firstWord(row), firstWord(copy)];
    const found: [number, number][] = [];
    for (let word = 0; word < CELLS * WORDS; word += WORDS) {
      if (now[atNow + word] === then[atThen + word] && now[atNow + word + 1] === then[atThen + word + 1]) continue;
      const cell = word / WORDS;
      found.push([cell, this.count(row, cell) - copies.count(copy, cell)]);
    }
    return found;
  }

  sum(row: number): number {
    return this.#sums[row] as number;
  }

  /** Counts of one row since the start. */
  totals(row: number): Float64Array {
    const counts = new Float64Array(CELLS);
    for (let cell = 0; cell < CELLS; cell++) counts[cell] = this.count(row, cell);
    return counts;
  }

  /** Counts of the last windows, each worth half of the one after it. */
  recent(row: number): Float64Array {
    this.#decay(row);
    const words = this.#wordsOf(row);
    const from = firstWord(row) + RECENT;
    const counts = new Float64Array(CELLS);
    for (let cell = 0; cell < CELLS; cell++) counts[cell] = words[from + cell * WORDS] as number;
    return counts;
  }

  /** Adds to a cell whose words may be full. */
  #addCarefully(row: number, cell: number, count: number): void {
    const words = this.#wordsOf(row);
    const at = firstWord(row) + cell * WORDS;
    const total = (words[at] as number) + (words[at + 1] as number) * WORD + count;
    if (total >= WRAP) {
      const key = row * CELLS + cell;
      this.#wraps.set(key, (this.#wraps.get(key) ?? 0) + Math.floor(total / WRAP));
    }
    words[at] = total % WORD;
    words[at + 1] = Math.floor(total / WORD) % WORD;
    let weight = count;
    // A full cell halves its row, which keeps the shape of the distribution.
    while ((words[at + RECENT] as number) + weight >= WORD) {
      this.#halve(row, 1);
      weight = Math.floor(weight / 2);
    }
    words[at + RECENT] = (words[at + RECENT] as number) + weight;
  }

  #decay(row: number): void {
    const passed = this.#window - (this.#windows[row] as number);
    if (passed === 0) return;
    this.#windows[row] = this.#window;
    this.#halve(row, Math.min(16, passed));
  }

  #halve(row: number, times: number): void {
    const words = this.#wordsOf(row);
    const from = firstWord(row) + RECENT;
    for (let cell = 0; cell < CELLS; cell++) {
      const at = from + cell * WORDS;
      words[at] = (words[at] as number) >>> times;
    }
  }

  #wordsOf(row: number): Uint16Array {
    return this.#chunks[row >>> SHIFT] as Uint16Array;
  }

  #grow(): void {
    this.#chunks.push(new Uint16Array(ROWS * CELLS * WORDS));
    const length = this.#chunks.length * ROWS;
    if (length <= this.#sums.length) return;
    const [sums, windows] = [new Float64Array(2 * length), new Uint32Array(2 * length)];
    sums.set(this.#sums);
    windows.set(this.#windows);
    [this.#sums, this.#windows] = [sums, windows];
  }
}

const firstWord = (row: number): number => (row % ROWS) * CELLS * WORDS;
