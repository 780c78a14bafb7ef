import { CELLS, type SketchRange, valueOfCell } from "./rows.js";

/** Counts by cell. Two of them add up cell by cell. */
export type Counts = ArrayLike<number>;

function countOf(counts: Counts): number {
  let count = 0;
  for (let cell = 0; cell < CELLS; cell++) count += counts[cell] ?? 0;
  return count;
}

/**
 * Estimates a quantile by the nearest rank: the result is within 4.4 % of the value of that rank, as long as that value lies
 * in the range of the sketch.
 * @param q 0 to 1
 * @returns `undefined` without observations
 */
export function quantileOf(counts: Counts, q: number, range: SketchRange): number | undefined {
  const count = countOf(counts);
  if (count === 0) return undefined;
  const rank = Math.max(1, Math.ceil(q * count));
  let seen = 0;
  let last = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    const here = counts[cell] ?? 0;
    if (here === 0) continue;
    seen += here;
    last = cell;
    if (seen >= rank) break;
  }
  return valueOfCell(last, range);
}
