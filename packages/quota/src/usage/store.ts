import type { QuotaLimit } from "@scale/core";
import type { CountStatus, OverReserved, Period, Reconciled } from "../types.js";

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
  /**
   * Parts of `limit` that are reported when used units reach them, ascending.
   * @default [0.8, 1]
   */
  readonly thresholds?: readonly number[];
}

export interface ConsumeInput {
  readonly tenantId: string;
  /**
   * Name of the work. It makes the call idempotent, in every period: the same id is counted once. The same id with other
   * units or metrics is an `IdempotencyError` while the first units are held or used. Without an id every call counts.
   */
  readonly id?: string;
  /**
   * Name of this call, unlike that of any other: a call that a client sends again is carried out once, and `cancel` finds
   * it.
   * @default a random one
   */
  readonly call?: string;
  /** True to keep units that a call took although it rejected, because its answer came too late. @default false */
  readonly keepLate?: boolean;
  /** No metric twice. All are admitted or none. */
  readonly changes: readonly UsageChange[];
}

export interface ReserveInput extends ConsumeInput {
  readonly id: string;
  /** Milliseconds by the store's clock after which the holds expire, 1 to 24 hours. The first call of an id decides. */
  readonly ttlMs: number;
}

/** A `reserve` or `consume` to take back. */
export interface CancelInput {
  readonly tenantId: string;
  readonly id?: string;
  readonly call: string;
  readonly changes: readonly Pick<UsageChange, "metric" | "period" | "units">[];
}

/** State of one metric after the call. */
export interface ChangeOutcome {
  readonly metric: string;
  /** Period that has the units: for a repeated id, the one in which it was counted first. */
  readonly period: Period;
  /** True when this metric had room, or knew the id. Nothing was counted unless all had. */
  readonly admitted: boolean;
  /** Units committed in the period of the call. */
  readonly used: number;
  /** Units held by this and other reservations, in the period of the call. */
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

export interface ReleaseInput extends UsageAddress {
  readonly id: string;
  /** Name of the call that reserved the units: a hold that the id got later stays. @default any call */
  readonly call?: string;
}

export interface CreditInput extends UsageAddress {
  /** Name of the credit: the same id is credited once in a period. */
  readonly id: string;
  readonly units: number;
}

export interface CreditOutcome {
  /** Units that the id is credited with: those of its first call. */
  readonly units: number;
  /** True when the id was credited before: nothing was credited again. */
  readonly repeated: boolean;
  /** Units committed in the period, less its credits: below 0 when it has more credits. */
  readonly used: number;
}

/** Keeps the consumption of billing periods. Decides atomically, and is idempotent by id. */
export interface UsageStore {
  /**
   * Holds units of all changes or of none. Each metric is committed and released by itself, under the same id.
   * A known id gets the same answer again while it is held, and after it was committed. An id that was released, or whose
   * hold expired, holds nothing and is decided anew.
   * A call that rejects holds nothing, also when it is carried out late, unless `keepLate` is set.
   * @throws {IdempotencyError} for other units or metrics than those of the id
   */
  reserve(input: ReserveInput): Promise<ChangesOutcome>;
  /**
   * Uses units of all changes or of none, in one call. A call that rejects counts nothing, also when it is carried out
   * late, unless `keepLate` is set.
   * @throws {IdempotencyError} for other units or metrics than those of the id
   */
  consume(input: ConsumeInput): Promise<ChangesOutcome>;
  /**
   * Records the units that the work used, in place of the hold of `id`. A commit that rejects is repeated until the store
   * answers, so that its units are recorded once: the work was done.
   */
  commit(input: CommitInput): Promise<CommitOutcome>;
  /**
   * Drops the hold of `id`. No-op for a hold that has expired or was committed. A release that rejects is repeated until
   * the store answers.
   */
  release(input: ReleaseInput): Promise<void>;
  /**
   * Takes back what one `reserve` or `consume` took, whether it was carried out or still will be. Units of an id that
   * another call was told about as well stay, as do committed ones. A cancel that rejects is repeated until the store
   * answers.
   */
  cancel(input: CancelInput): Promise<void>;
  /**
   * Subtracts units from the used ones: the tenant can use that many more in the period. A credit that rejects may be
   * carried out late: repeat it with the same id, it is credited once.
   */
  credit(input: CreditInput): Promise<CreditOutcome>;
  /** Reads all metrics in one round trip, in the order of `metrics`. A late answer is dropped. */
  read(input: {
    readonly tenantId: string;
    readonly metrics: readonly Pick<UsageAddress, "metric" | "period">[];
  }): Promise<readonly CountStatus[]>;
  /** Compares the count with the ledger and corrects it by the difference. A late correction is the same correction. */
  reconcile(input: UsageAddress): Promise<Reconciled>;
  /** Ends what is under way: repeats unanswered calls once more, writes units that are not yet in the ledger, stops. */
  close?(): Promise<void>;
}

/** How long the state of an id is kept after its last change. Until then it gets the same answer. */
export const KEEP_OUTCOME_MS = 86_400_000;

/** Maximum duration of a hold. */
export const MAX_HOLD_MS = 86_400_000;

/** How long a call without an id is known, for a client that sends it again, and for `cancel`. */
export const KEEP_CALL_MS = 60_000;
