import type { RateLimitRule } from "@scale/core";

/**
 * The numbers that a store keeps for one rule and subject. Each algorithm documents their meaning. Times among them are
 * microseconds since an epoch of the store's choice.
 */
export type State = readonly number[];

/** A state that `Algorithm.at` returned: the caller owns it and may write to it. */
export type MutableState = number[];

/** One rule's way of counting, as pure functions over its state. `redis/consume.lua` has each of them in Lua. */
export interface Algorithm {
  /** A copy of the state, brought up to `now`. A state that another rule or program wrote is converted as far as possible. */
  at(state: State | undefined, now: number): MutableState;
  /** Units of an up-to-date state that count at `now`. */
  used(state: State, now: number): number;
  /** Charges units to an up-to-date state. */
  add(state: MutableState, units: number): void;
  /** Charges units beyond the limit, which later states keep. Without this method `add` does it. */
  force?(state: MutableState, units: number): void;
  /** Microseconds until nothing counts any more. */
  resetUs(state: State, now: number): number;
  /** Microseconds until `units`, at most the burst, fit. */
  waitUs(state: State, now: number, units: number): number;
  /**
   * Removes earlier charged units from an up-to-date state, as far as they still count.
   * @param charge `at` is when the units were charged, `emptyAt` when the count would have been empty again: microseconds
   */
  refund(state: MutableState, now: number, charge: { units: number; at: number; emptyAt: number }): void;
}

/**
 * Rounding tolerance of a limit: amounts that differ by less are equal. It is a small fraction of the limit that absorbs
 * the rounding of some thousand additions, and never a whole unit.
 */
export const tolerance = (limit: number): number => Math.min(limit * 1e-12, 0.5);

/** The limit plus its rounding tolerance: usage up to here is admitted. */
export const capacity = (limit: number): number => limit + tolerance(limit);

/** The window of a rule in integer microseconds. */
export const windowUs = ({ windowMs }: RateLimitRule): number => Math.round(windowMs * 1000);

/** Start of the interval of this length that contains `now`. Intervals are aligned to the store's epoch. */
export const startOf = (now: number, length: number): number => now - (now % length);
