import type { Upgrade } from "@scale/core";

/** Counts what a tenant has stored of a metric: rows, or the sum of their bytes. */
export type CountRows<Db> = (tenantId: string, db: Db) => number | Promise<number>;

/** A metric of what exists: users, patients, orders, bytes stored. It goes up when rows are made and down when they go. */
export interface RowsMetric<Db> {
  readonly kind: "rows";
  readonly unit: string | undefined;
  readonly count: CountRows<Db> | undefined;
}

/** How often a usage metric starts again from 0: intervals of the subscription, or never. */
export type Interval = "day" | "week" | "month" | "year" | "forever";

/** A metric of what was consumed in a billing period: tokens, emails, calls. */
export interface UsageMetric {
  readonly kind: "usage";
  readonly unit: string | undefined;
  readonly per: Interval;
}

export type MetricDefinition<Db> = RowsMetric<Db> | UsageMetric;

/** From when a tenant's billing periods are counted. */
export interface Subscription {
  /** When the subscription began; a number is milliseconds since the epoch. Every later boundary is derived from it. */
  readonly anchor: Date | number;
  /**
   * The IANA time zone in which days and months are counted.
   * @default "UTC"
   */
  readonly timeZone?: string;
}

/** One billing period. Units that were held in a period are committed into it, whenever that happens. */
export interface Period {
  /** Names the period in keys: the same in every process. */
  readonly key: string;
  /** Milliseconds since the epoch, the first of the period. */
  readonly startsAt: number;
  /** Milliseconds since the epoch, the first after the period; `Infinity` for `forever`. */
  readonly endsAt: number;
}

/** What a tenant may have of one metric. `Infinity` where there is no bound. */
export interface Bounds {
  /** Units that are included: what thresholds are parts of. */
  readonly limit: number;
  /** Units that are admitted. */
  readonly max: number;
}

/** One count of a usage store. */
export interface UsageAddress {
  readonly tenantId: string;
  readonly metric: string;
  readonly period: Period;
}

export interface ReserveInput extends UsageAddress, Bounds {
  /** The same id gets the same answer again, and is held once. */
  readonly id: string;
  readonly units: number;
  /** Milliseconds by the store's clock after which the hold falls away. */
  readonly ttlMs: number;
}

export interface ReserveOutcome {
  readonly admitted: boolean;
  /** Units committed in the period. */
  readonly used: number;
  /** Units held by this and other reservations. */
  readonly held: number;
  /** True when the id was known: nothing was held anew. */
  readonly repeated: boolean;
}

/** What happens to units above what was reserved, where the limit leaves no room for them. */
export type OverReserved = "reject" | "cap" | "overflow";

export interface CommitInput extends UsageAddress, Bounds {
  readonly id: string;
  /** What was really used. */
  readonly units: number;
  readonly over: OverReserved;
}

export interface CommitOutcome {
  /** `false` for `reject` alone: nothing was recorded, and the hold stands. */
  readonly committed: boolean;
  /** Units recorded: fewer than asked for `cap`. */
  readonly recorded: number;
  readonly used: number;
  readonly held: number;
  /** True when the hold had expired: the units are recorded all the same. */
  readonly late: boolean;
  /** True when the id was committed before: nothing was recorded anew. */
  readonly repeated: boolean;
  /** Parts of the limit, of `thresholds`, that this commit was the first in the period to reach. */
  readonly reached: readonly number[];
}

/** Where one count stands. */
export interface Standing {
  readonly used: number;
  readonly held: number;
  /** False when the number may miss some uses, or is not kept at all. */
  readonly exact: boolean;
  /** Milliseconds since the epoch. */
  readonly asOf: number;
}

/** What a comparison of a count with its source found. */
export interface Reconciled {
  /** The count as it stood. */
  readonly before: number;
  /** What the source says. */
  readonly source: number;
  /** `before` - `source`: above 0 when too much was counted. */
  readonly drift: number;
  /** False when the count moved under every attempt to correct it; nothing was changed then. */
  readonly corrected: boolean;
}

/** Keeps what was consumed in billing periods: decides atomically, and is idempotent by id. */
export interface UsageStore {
  reserve(input: ReserveInput): Promise<ReserveOutcome>;
  commit(input: CommitInput): Promise<CommitOutcome>;
  /** Drops the hold of `id`. No-op for one that has expired or was committed. */
  release(input: UsageAddress & { readonly id: string }): Promise<void>;
  /** All in one round trip, in the order of `metrics`. */
  read(input: {
    readonly tenantId: string;
    readonly metrics: readonly { readonly metric: string; readonly period: Period }[];
  }): Promise<readonly Standing[]>;
  /** Compares the count with the ledger and corrects it by the difference. */
  reconcile(input: UsageAddress): Promise<Reconciled>;
  /** Writes what is still only in the count, and stops. */
  close?(): Promise<void>;
}

/** A change of one count of rows. */
export interface RowsChange {
  readonly metric: string;
  /** Whole units above 0. */
  readonly units: number;
  /** Units that are admitted; `Infinity` where nothing is refused. Not read when units are given back. */
  readonly max: number;
  /** Counts what there is when the tenant has no counter yet. Without it the counter starts from 0. */
  readonly count: (() => Promise<number>) | undefined;
}

export interface RowsInput {
  readonly tenantId: string;
  /** No metric twice. All are changed or none, in an order that is the same for every caller. */
  readonly changes: readonly RowsChange[];
  /** Whether `count` sees what this call is about: rows inserted before `use`, rows deleted before `giveBack`. */
  readonly written: boolean;
}

/** Where one metric stands after the call. */
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
  /** Adds units, in `tx`, all or none. An error of the database comes through as it is. */
  use(input: RowsInput, tx: Db): Promise<readonly RowsOutcome[]>;
  /** Takes units off, in `tx`. No counter falls below 0. */
  giveBack(input: RowsInput, tx: Db): Promise<readonly RowsOutcome[]>;
  /**
   * One statement, in the order of `metrics`; `undefined` for a metric without a counter.
   * Without `tx` it uses the store's own connection and has a deadline.
   */
  read(tenantId: string, metrics: readonly string[], tx?: Db): Promise<readonly (RowsStanding | undefined)[]>;
  /** Compares a counter with `count` and corrects it by the difference; concurrent changes are kept. */
  reconcile(input: {
    readonly tenantId: string;
    readonly metric: string;
    readonly count: (db: Db) => Promise<number>;
    /** Holds the counter of the tenant while it counts. Without it nothing is held, and a busy counter stays as it is. */
    readonly tx?: Db;
  }): Promise<Reconciled>;
}

export interface RowsStanding {
  readonly used: number;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly asOf: number;
}

/** What a refusal says of the quota. */
export interface QuotaRefusal {
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
  /** Units that the plan includes. */
  readonly limit: number;
  /** Units that it admits: above `limit` for a soft limit. */
  readonly max: number;
  readonly used: number;
  /** Units reserved and not yet committed; 0 for rows. */
  readonly held: number;
  readonly requested: number;
  /** The next plan that would have admitted it. */
  readonly upgrade: Upgrade | undefined;
  /** Milliseconds since the epoch when a usage metric starts again from 0; `undefined` for rows. */
  readonly resetsAt: number | undefined;
}
