import type { RateLimitRule } from "@scale/core";

/**
 * The numbers that a store keeps for one rule and subject. What they mean is the algorithm's; the times among them are
 * microseconds since a point of the store's own.
 */
export type State = readonly number[];

/** A state that whoever advanced it may write to. */
export type MutableState = number[];

/** When units were charged, and when the count they went into would have been empty again: microseconds. */
export interface Charged {
  readonly at: number;
  readonly emptyAt: number;
}

/** One rule's way of counting, as pure functions over its state. `redis/decide.lua` has each of them in Lua. */
export interface Algorithm {
  /** A copy of the state as it stands at `now`; of one that another rule or program wrote, what can be made of it. */
  at(state: State | undefined, now: number): MutableState;
  /** Units of the advanced state that count at `now`. */
  used(state: State, now: number): number;
  /** Charges units to an advanced state. */
  add(state: MutableState, units: number): void;
  /** Microseconds until nothing counts any more. */
  resetUs(state: State, now: number): number;
  /** Microseconds until `units`, at most the burst, fit. */
  waitUs(state: State, now: number, units: number): number;
  /** Takes units that were charged before from an advanced state, as far as they still count. */
  giveBack(state: MutableState, now: number, given: Charged & { readonly units: number }): void;
}

/** Makes the counter of a rule. */
export type AlgorithmFactory = (rule: RateLimitRule) => Algorithm;

/**
 * Units below which two amounts are the same: a part of the limit that has room for the rounding of some thousand
 * additions, and never a whole unit.
 */
export const tolerance = (limit: number): number => Math.min(limit * 1e-12, 0.5);

/** What may be used at the most, when nothing but rounding tells it from the limit. */
export const capacity = (limit: number): number => limit + tolerance(limit);

/** The window of a rule in whole microseconds. */
export const windowUs = ({ windowMs }: RateLimitRule): number => Math.round(windowMs * 1000);

/** The start of the interval of this length, counted from the store's point in time, in which `now` lies. */
export const startOf = (now: number, length: number): number => now - (now % length);
