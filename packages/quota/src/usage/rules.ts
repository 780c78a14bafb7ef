import { thresholds } from "../thresholds.js";
import type { OverReserved } from "../types.js";

/** As much as a plan file can say and a count can reach: the sum of two such numbers is exact. */
export const MAX_UNITS: number = 2 ** 52;

/** What of one count a decision depends on. `redis/reserve.lua` and `redis/commit.lua` are this file in Lua. */
export interface Level {
  /** Units committed in the period. */
  readonly used: number;
  /** Units of all holds that have not expired. */
  readonly held: number;
}

/** Whether `units` more may be held or used. What others hold counts as used. */
export function hasRoom({ used, held }: Level, units: number, max: number): boolean {
  return used + held + units <= Math.min(max, MAX_UNITS);
}

export interface Settlement {
  /** What was really used. */
  readonly units: number;
  /** What was reserved; `units` when nobody knows any more. */
  readonly reserved: number;
  /** False when the hold has expired, was released or was lost with the server's data. */
  readonly isHeld: boolean;
  readonly over: OverReserved;
  readonly max: number;
}

/**
 * How many units a commit records; `undefined` when it is rejected.
 * What was reserved is recorded whether the hold lives or not, because the work was done on a promise. Only units above
 * it depend on the room that is left, and on `over`.
 */
export function recordedUnits({ used, held }: Level, settlement: Settlement): number | undefined {
  const { units, reserved, isHeld, over, max } = settlement;
  const promised = Math.min(units, reserved);
  const byOthers = isHeld ? held - reserved : held;
  const room = Math.max(0, Math.min(max, MAX_UNITS) - used - byOthers - promised);
  const excess = units - promised;
  if (excess > room && over === "reject") return undefined;
  const recorded = promised + (over === "overflow" ? excess : Math.min(excess, room));
  return Math.max(0, Math.min(recorded, MAX_UNITS - used));
}

/** From how many units on each of `thresholds` is reached; more than can be used where there is no part to take. */
export function thresholdUnits(limit: number): number[] {
  if (!(limit > 0 && limit <= MAX_UNITS)) return thresholds.map(() => MAX_UNITS + 1);
  // Exact: in floating point 0.8 * 35 is a little above 28, and would be reached at 29.
  return thresholds.map((part) => Number((BigInt(Math.ceil(limit)) * BigInt(Math.round(part * 100)) + 99n) / 100n));
}

/** Thresholds as bits: those reached at `used` that `before` does not have. */
export function newlyReached(before: number, used: number, units: readonly number[]): number {
  return units.reduce((bits, from, i) => (used >= from && (before & (1 << i)) === 0 ? bits | (1 << i) : bits), 0);
}

/** The parts of the limit that the bits stand for. */
export function partsOf(bits: number): number[] {
  return thresholds.filter((_, i) => (bits & (1 << i)) !== 0);
}
