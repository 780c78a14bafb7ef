import { CELLS, type SketchRange, valueOfCell } from "./rows.js";

/** Counts by cell. Two of them add up cell by cell. */
export type Counts = ArrayLike<number>;

/**
 * Estimates a quantile by the nearest rank: the result is within 4.4 % of the value of that rank, as long as that value lies
 * in the range of the sketch.
 * @param q 0 to 1
 * @returns `undefined` without observations
 */
export const quantileOf = (counts: Counts, q: number, range: SketchRange): number | undefined =>
  risingQuantilesOf(counts, [q], range)[0];

/**
 * Estimates several quantiles in one pass.
 * @param quantiles 0 to 1, rising
 * @returns `undefined` for each of them without observations
 */
export function risingQuantilesOf(
  counts: Counts,
  quantiles: readonly number[],
  range: SketchRange,
): (number | undefined)[] {
  let count = 0;
  for (let cell = 0; cell < CELLS; cell++) count += counts[cell] as number;
  if (count === 0) return quantiles.map(() => undefined);
  let seen = 0;
  let last = 0;
  let cell = 0;
  return quantiles.map((q) => {
    const rank = Math.max(1, Math.ceil(q * count));
    for (; cell < CELLS && seen < rank; cell++) {
      const here = counts[cell] as number;
      if (here === 0) continue;
      seen += here;
      last = cell;
    }
    return valueOfCell(last, range);
  });
}
