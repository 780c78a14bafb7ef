import { bucketOf, middleOf, upperBound } from "./grid.js";

/** Cells of a row: values at or below the range, the buckets of the grid, values above the range. */
export const CELLS = 184;
const LAST = CELLS - 1;
const ROWS = 64;
const WRAP = 2 ** 32;
const RECENT_MAX = 65_535;

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
export const bucketOfCell = (cell: number, { zeroBucket }: SketchRange): number => zeroBucket + cell;

/** The value that stands for all values of a cell. */
export const valueOfCell = (cell: number, range: SketchRange): number =>
  cell === 0 ? 0 : middleOf(bucketOfCell(cell, range));

interface Chunk {
  readonly totals: Uint32Array;
  /** Counts that decay: halved with each window. */
  readonly recent: Uint16Array;
  readonly sums: Float64Array;
  /** The window up to which `recent` was halved. */
  readonly windows: Uint32Array;
}

/**
 * Sketches in few large arrays: 1,116 bytes each, however many there are. A row has its counts since the start, which add up
 * to other rows cell by cell, and counts of the last windows.
 */
export class SketchRows {
  readonly #chunks: Chunk[] = [];
  readonly #free: number[] = [];
  /** Multiples of 2^32 of cells that went past it. */
  readonly #wraps = new Map<number, number>();
  #next = 0;
  #window = 0;

  allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next % ROWS === 0) this.#chunks.push(newChunk());
    return this.#next++;
  }

  /** Clears a row and keeps it for the next `allocate`. */
  release(row: number): void {
    const chunk = this.#chunkOf(row);
    const at = (row % ROWS) * CELLS;
    chunk.totals.fill(0, at, at + CELLS);
    chunk.recent.fill(0, at, at + CELLS);
    chunk.sums[row % ROWS] = 0;
    if (this.#wraps.size > 0) for (let cell = 0; cell < CELLS; cell++) this.#wraps.delete(row * CELLS + cell);
    this.#free.push(row);
  }

  /** Begins a new window: recent counts are worth half as much. @param windows how many began since the last call */
  turn(windows: number): void {
    this.#window += windows;
  }

  observe(row: number, cell: number, value: number): void {
    const chunk = this.#chunks[row >>> 6] as Chunk;
    const inChunk = row & (ROWS - 1);
    const at = inChunk * CELLS + cell;
    const total = (chunk.totals[at] as number) + 1;
    chunk.totals[at] = total;
    if (total === WRAP) this.#wrap(row, cell, 1);
    chunk.sums[inChunk] = (chunk.sums[inChunk] as number) + value;
    if (chunk.windows[inChunk] !== this.#window) this.#decay(row);
    const recent = (chunk.recent[at] as number) + 1;
    if (recent > RECENT_MAX) this.#halve(row, 1);
    chunk.recent[at] = recent > RECENT_MAX ? recent >>> 1 : recent;
  }

  /** Adds many observations of one cell. */
  add(row: number, cell: number, count: number): void {
    const chunk = this.#chunkOf(row);
    const at = (row % ROWS) * CELLS + cell;
    const total = (chunk.totals[at] as number) + count;
    if (total >= WRAP) this.#wrap(row, cell, Math.floor(total / WRAP));
    chunk.totals[at] = total % WRAP;
    this.#decay(row);
    let weight = count;
    while ((chunk.recent[at] as number) + weight > RECENT_MAX) {
      this.#halve(row, 1);
      weight = Math.floor(weight / 2);
    }
    chunk.recent[at] = (chunk.recent[at] as number) + weight;
  }

  addSum(row: number, sum: number): void {
    const chunk = this.#chunkOf(row);
    chunk.sums[row % ROWS] = (chunk.sums[row % ROWS] as number) + sum;
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
    const total = (this.#chunks[row >>> 6] as Chunk).totals[(row & (ROWS - 1)) * CELLS + cell] as number;
    return this.#wraps.size === 0 ? total : total + (this.#wraps.get(row * CELLS + cell) ?? 0) * WRAP;
  }

  sum(row: number): number {
    return this.#chunkOf(row).sums[row % ROWS] as number;
  }

  /** Counts of one row since the start. */
  totals(row: number): Float64Array {
    return Float64Array.from({ length: CELLS }, (_, cell) => this.count(row, cell));
  }

  /** Counts of the last windows, each worth half of the one after it. */
  recent(row: number): Float64Array {
    this.#decay(row);
    const at = (row % ROWS) * CELLS;
    return Float64Array.from(this.#chunkOf(row).recent.subarray(at, at + CELLS));
  }

  /** Bytes of all rows. */
  get bytes(): number {
    return this.#chunks.length * ROWS * (CELLS * 6 + 12);
  }

  #decay(row: number): void {
    const chunk = this.#chunkOf(row);
    const behind = this.#window - (chunk.windows[row % ROWS] as number);
    if (behind === 0) return;
    chunk.windows[row % ROWS] = this.#window;
    this.#halve(row, Math.min(16, behind));
  }

  #halve(row: number, times: number): void {
    const at = (row % ROWS) * CELLS;
    const { recent } = this.#chunkOf(row);
    for (let cell = at; cell < at + CELLS; cell++) recent[cell] = (recent[cell] as number) >>> times;
  }

  #wrap(row: number, cell: number, times: number): void {
    const key = row * CELLS + cell;
    this.#wraps.set(key, (this.#wraps.get(key) ?? 0) + times);
  }

  #chunkOf(row: number): Chunk {
    return this.#chunks[row >>> 6] as Chunk;
  }
}

function newChunk(): Chunk {
  return {
    totals: new Uint32Array(ROWS * CELLS),
    recent: new Uint16Array(ROWS * CELLS),
    sums: new Float64Array(ROWS),
    windows: new Uint32Array(ROWS),
  };
}
