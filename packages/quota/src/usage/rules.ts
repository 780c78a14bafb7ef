import type { CommitInput } from "./store.js";

/** Parts of a limit that are published when they are reached. */
export const thresholds: readonly number[] = [0.8, 1];

/** Maximum of a plan's limit and of a count: the sum of two such numbers is exact. */
export const MAX_UNITS: number = 2 ** 52;

/** The numbers of one count that a decision depends on. `redis/reserve.lua` and `redis/commit.lua` are this file in Lua. */
export interface Totals {
  /** Units committed in the period. */
  readonly used: number;
  /** Units of all holds that have not expired. */
  readonly held: number;
}

/** Whether `units` more may be held or used. Units that other reservations hold count as used. */
export function hasRoom({ used, held }: Totals, units: number, max: number): boolean {
  return used + held + units <= Math.min(max, MAX_UNITS);
}

/**
 * Units that a commit records; `undefined` when it is rejected.
 * Reserved units are recorded whether the hold still exists or not, because the work was done on a promise. Only units
 * above them depend on the remaining room, and on `over`.
 * `reserved` equals `units` when the reservation is unknown. `isHeld` is false when the hold has expired, was released or
 * was lost with the server's data.
 */
export function recordedUnits(
  { used, held }: Totals,
  commit: Pick<CommitInput, "units" | "over" | "max"> & { readonly reserved: number; readonly isHeld: boolean },
): number | undefined {
  const { units, reserved, isHeld, over, max } = commit;
  const promised = Math.min(units, reserved);
  const heldByOthers = isHeld ? held - reserved : held;
  const room = Math.max(0, Math.min(max, MAX_UNITS) - used - heldByOthers - promised);
  const excess = units - promised;
  if (excess > room && over === "reject") return undefined;
  const recorded = promised + (over === "overflow" ? excess : Math.min(excess, room));
  return Math.max(0, Math.min(recorded, MAX_UNITS - used));
}

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
