import type { QuotaLimit } from "@scale/core";
import type { CountStatus, Period, Reconciled } from "../types.js";

/** Name of one count: a metric of a tenant in one billing period. */
export interface UsageAddress {
  readonly tenantId: string;
  readonly metric: string;
  readonly period: Period;
}

/** Units of one metric, among the other metrics of a call. */
export interface UsageChange extends Pick<QuotaLimit, "limit" | "max"> {
  readonly metric: string;
  readonly period: Period;
  readonly units: number;
}

export interface ConsumeInput {
  readonly tenantId: string;
  /** Makes the call idempotent. Without it every call counts. */
  readonly id?: string;
  /** No metric of the same period twice. All are admitted or none. */
  readonly changes: readonly UsageChange[];
}

export interface ReserveInput extends ConsumeInput {
  readonly id: string;
  /** Milliseconds by the store's clock after which the holds expire, 1 to 24 hours. */
  readonly ttlMs: number;
}

/** State of one metric after the call. */
export interface ChangeOutcome {
  readonly metric: string;
  /** True when this metric had room, or knew the id. Nothing was counted unless all had. */
  readonly admitted: boolean;
  /** Units committed in the period. */
  readonly used: number;
  /** Units held by this and other reservations. */
  readonly held: number;
  /** True when the id was known: nothing was counted again. */
  readonly repeated: boolean;
  /** Parts of the limit, of `thresholds`, that this use was the first in the period to reach. */
  readonly reached: readonly number[];
}

export interface ChangesOutcome {
  readonly admitted: boolean;
  /** In the order of the changes. */
  readonly changes: readonly ChangeOutcome[];
}

/** Treatment of units above the reserved ones, where the limit has no room for them. */
export type OverReserved = "reject" | "cap" | "overflow";

export interface CommitInput extends UsageAddress, UsageChange {
  readonly id: string;
  readonly over: OverReserved;
}

export interface CommitOutcome {
  /** False for `reject` alone: nothing was recorded, and the hold stays. */
  readonly committed: boolean;
  /** Units recorded: fewer than requested for `cap`. */
  readonly recorded: number;
  readonly used: number;
  readonly held: number;
  /** True when the hold had expired: the units are recorded all the same. */
  readonly late: boolean;
  /** True when the id was committed before: nothing was recorded again. */
  readonly repeated: boolean;
  /** Parts of the limit, of `thresholds`, that this commit was the first in the period to reach. */
  readonly reached: readonly number[];
}

/** Keeps the consumption of billing periods. Decides atomically, and is idempotent by id. */
export interface UsageStore {
  /**
   * Holds units of all changes or of none. Each metric is committed and released by itself, under the same id.
   * A known id gets the same answer again, also after it was committed or released. An id whose hold expired is decided
   * anew.
   */
  reserve(input: ReserveInput): Promise<ChangesOutcome>;
  /** Uses units of all changes or of none, in one call. */
  consume(input: ConsumeInput): Promise<ChangesOutcome>;
  /** Records the units that the work used, in place of the hold of `id`. */
  commit(input: CommitInput): Promise<CommitOutcome>;
  /** Drops the hold of `id`. No-op for a hold that has expired or was committed. */
  release(input: UsageAddress & { readonly id: string }): Promise<void>;
  /** Reads all metrics in one round trip, in the order of `metrics`. */
  read(input: {
    readonly tenantId: string;
    readonly metrics: readonly Pick<UsageAddress, "metric" | "period">[];
  }): Promise<readonly CountStatus[]>;
  /** Compares the count with the ledger and corrects it by the difference. */
  reconcile(input: UsageAddress): Promise<Reconciled>;
  /** Writes the units that are not yet in the ledger, and stops. */
  close?(): Promise<void>;
}

/** How long the state of an id is kept after its last change. Until then it gets the same answer. */
export const KEEP_OUTCOME_MS = 86_400_000;

/** Maximum duration of a hold. */
export const MAX_HOLD_MS = 86_400_000;
