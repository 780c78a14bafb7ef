import { MAX_UNITS } from "../plan/units.js";
import type { CommitInput } from "./store.js";

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
