import { MAX_UNITS } from "./units.js";

/** Parts of a limit that are published when they are reached. */
export const thresholds: readonly number[] = [0.8, 1];

/** Units at which each of `thresholds` is reached; above the maximum of a count for a limit without parts. */
export function thresholdUnits(limit: number): number[] {
  if (!(limit > 0 && limit <= MAX_UNITS)) return thresholds.map(() => MAX_UNITS + 1);
  // Exact: in floating point 0.8 * 35 is a little above 28, and would be reached at 29.
  return thresholds.map((part) => Number((BigInt(Math.ceil(limit)) * BigInt(Math.round(part * 100)) + 99n) / 100n));
}

/** Thresholds as bits: reached at `used` and not yet set in `before`. */
export function newlyReached(before: number, used: number, units: readonly number[]): number {
  return units.reduce((bits, from, i) => (used >= from && (before & (1 << i)) === 0 ? bits | (1 << i) : bits), 0);
}

/** Parts of the limit that the bits stand for. */
export function thresholdsOf(bits: number): number[] {
  return thresholds.filter((_, i) => (bits & (1 << i)) !== 0);
}
