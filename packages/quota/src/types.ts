import type { Upgrade } from "@scale/core";
import type { CountedBy } from "./plan/count-name.js";

/**
 * Counts the units of a metric that a tenant has stored: rows, or the sum of their bytes. `userId` is the user of a metric
 * that is counted by user.
 */
export type CountRows<Db> = (tenantId: string, db: Db, userId?: string) => number | Promise<number>;

interface Metric<By extends CountedBy> {
  readonly unit: string | undefined;
  /** The limit is of the tenant, or of each of its users. */
  readonly by: By;
  /** Parts of the limit that are published when they are reached; `undefined` for the default ones. */
  readonly thresholds: readonly number[] | undefined;
}

/** A metric over rows that exist: users, patients, orders, stored bytes. It rises with inserts and falls with deletes. */
export interface RowsMetric<Db, By extends CountedBy = "tenant"> extends Metric<By> {
  readonly kind: "rows";
  readonly count: CountRows<Db> | undefined;
}

/**
 * Length of a billing period of a usage metric: a name, or a number of hours, days or months. `forever` never starts again
 * from 0.
 */
export type Interval =
  | "hour"
  | "day"
  | "week"
  | "month"
  | "quarter"
  | "year"
  | "forever"
  | { readonly hours: number }
  | { readonly days: number }
  | { readonly months: number };

/** Treatment of units above the reserved ones, where the limit has no room for them. */
export type OverReserved = "reject" | "cap" | "overflow";

/** A metric over consumption in a billing period: tokens, emails, calls. */
export interface UsageMetric<By extends CountedBy = "tenant"> extends Metric<By> {
  readonly kind: "usage";
  readonly per: Interval;
  readonly over: OverReserved;
}

/** Metrics by the names that the plans use. */
export type Definitions<Db> = Readonly<Record<string, RowsMetric<Db, CountedBy> | UsageMetric<CountedBy>>>;

/** Start of a tenant's billing periods. */
export interface Subscription {
  /** Start of the subscription; a number is milliseconds since the epoch. Every later boundary is derived from it. */
  readonly anchor: Date | number;
  /**
   * IANA time zone in which days and months are counted.
   * @default "UTC"
   */
  readonly timeZone?: string;
}

/** One billing period. Units that were held in a period are committed into it, even after it ends. */
export interface Period {
  /** Name of the period in keys: the same in every process. */
  readonly key: string;
  /** First millisecond of the period, since the epoch. */
  readonly startsAt: number;
  /** First millisecond after the period, since the epoch; `Infinity` for `forever`. */
  readonly endsAt: number;
}

/** State of one count, as its store knows it. */
export interface CountStatus {
  readonly used: number;
  /** Units reserved and not yet committed. */
  readonly held: number;
  /** False when the number may miss some uses, or is not kept at all. */
  readonly exact: boolean;
  /** Time of this state by the store's clock, in milliseconds since the epoch. */
  readonly asOf: number;
}

/** Result of comparing a count with its source: the rows, or the ledger. */
export interface Reconciled {
  /** The count before the comparison. */
  readonly before: number;
  /** The number that the source has. */
  readonly source: number;
  /** `before` - `source`: above 0 when too much was counted. */
  readonly drift: number;
  /** False when the count changed during every attempt to correct it; nothing was written then. */
  readonly corrected: boolean;
}

/** A change of one count of rows. */
export interface RowsChange {
  readonly metric: string;
  /** Integer >= 1. */
  readonly units: number;
  /** Units that are admitted; `Infinity` where nothing is refused. Ignored when units are given back. */
  readonly max: number;
  /** Counts the tenant's rows when the tenant has no counter yet. Without it the counter starts from 0. */
  readonly count: (() => Promise<number>) | undefined;
}

export interface RowsInput {
  readonly tenantId: string;
  /** No metric twice. All are changed or none, in an order that is the same for every caller. */
  readonly changes: readonly RowsChange[];
  /** Whether `count` sees the rows of this call: rows inserted before `use`, rows deleted before `giveBack`. */
  readonly written: boolean;
}

/** State of one metric after the call. */
export interface RowsOutcome {
  readonly metric: string;
  /** True when this metric had room. Nothing was counted unless all had. */
  readonly admitted: boolean;
  /** Units counted before and after the call; equal when nothing was counted. */
  readonly before: number;
  readonly used: number;
}

/** Keeps counters of rows in the application's database, in the transaction that changes the rows. */
export interface RowsStore<Db> {
  /** Adds units in `tx`: all or none. Database errors pass through unchanged. */
  use(input: RowsInput, tx: Db): Promise<readonly RowsOutcome[]>;
  /** Subtracts units in `tx`. No counter falls below 0. */
  giveBack(input: RowsInput, tx: Db): Promise<readonly RowsOutcome[]>;
  /**
   * Reads counters in one statement, in the order of `metrics`; `undefined` for a metric without a counter.
   * Without `tx` it uses the store's own connection and has a deadline; a late answer is dropped.
   */
  read(
    tenantId: string,
    metrics: readonly string[],
    tx?: Db,
  ): Promise<readonly (Pick<CountStatus, "used" | "asOf"> | undefined)[]>;
  /**
   * Compares a counter with `count` and corrects it by the difference; concurrent changes are kept. A correction that the
   * database carries out after the deadline is made only if the counter is still the same.
   */
  reconcile(input: {
    readonly tenantId: string;
    readonly metric: string;
    readonly count: (db: Db) => Promise<number>;
    /** Locks the tenant's counter during the count. Without it nothing is locked, and a busy counter stays as it is. */
    readonly tx?: Db;
  }): Promise<Reconciled>;
}

/** Why units of one metric were refused. */
export interface QuotaRefusal {
  readonly tenantId: string;
  /** User of a metric that is counted by user. */
  readonly userId?: string | undefined;
  readonly metric: string;
  readonly plan: string;
  /** Units that the plan includes. */
  readonly limit: number;
  /** Units that the plan admits: above `limit` for a soft limit. */
  readonly max: number;
  readonly used: number;
  /** Units reserved and not yet committed; 0 for rows. */
  readonly held: number;
  readonly requested: number;
  /** The next plan that would have admitted the units. */
  readonly upgrade: Upgrade | undefined;
  /** Time at which a usage metric starts again from 0, in milliseconds since the epoch; `undefined` for rows. */
  readonly resetsAt: number | undefined;
}
