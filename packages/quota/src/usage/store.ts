import type { Bounds, Period, UsageStore } from "../types.js";

/** Units of one metric, among those of others. */
export interface UsageCharge extends Bounds {
  readonly metric: string;
  readonly period: Period;
  readonly units: number;
}

export interface UseAllInput {
  readonly tenantId: string;
  /** Makes the use idempotent. Without it every call counts. */
  readonly id?: string;
  /** No metric of the same period twice. All are admitted or none. */
  readonly charges: readonly UsageCharge[];
}

export interface ReserveAllInput extends UseAllInput {
  readonly id: string;
  /** Milliseconds by the store's clock after which the holds fall away, 1 to 24 hours. */
  readonly ttlMs: number;
}

/** Where one metric stands after the call. */
export interface ChargeOutcome {
  readonly metric: string;
  /** True when this metric had room, or knew the id. Nothing was counted unless all had. */
  readonly admitted: boolean;
  readonly used: number;
  readonly held: number;
  /** True when the id was known: nothing was counted anew. */
  readonly repeated: boolean;
  /** Parts of the limit, of `thresholds`, that this use was the first in the period to reach. */
  readonly reached: readonly number[];
}

export interface ChargesOutcome {
  readonly admitted: boolean;
  /** In the order of the charges. */
  readonly charges: readonly ChargeOutcome[];
}

/** A usage store that decides several metrics of a tenant together, and uses without reserving first. */
export interface BulkUsageStore extends UsageStore {
  /**
   * Holds units of all charges or of none. Each is committed and released by itself, under the same id.
   * An id that a count knows gets the same answer again, also when it was committed or released since. One whose hold
   * expired is asked anew.
   */
  reserveAll(input: ReserveAllInput): Promise<ChargesOutcome>;
  /** Uses units of all charges or of none, in one call. */
  useAll(input: UseAllInput): Promise<ChargesOutcome>;
}

/** How long what became of an id is kept after the last that happened to it: for as long it gets the same answer. */
export const KEEP_OUTCOME_MS = 86_400_000;

/** The longest that units may be held. */
export const MAX_HOLD_MS = 86_400_000;
