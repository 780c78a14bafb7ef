import type { Refused, Use } from "./plan/admit.js";
import type { Reservation } from "./usage/reservation.js";
import type { ConsumeOptions, ReserveOptions } from "./usage/usage-quota.js";
import type { GivenBack, RowsOptions } from "./rows/rows-quota.js";
import type { MetricStatus, QuotaCheck } from "./plan/status.js";
import type { MetricDefinition, Reconciled } from "./types.js";

/** Metrics by the names that the plans use. */
export type Definitions<Db> = Readonly<Record<string, MetricDefinition<Db>>>;

/** The names of the metrics, or of those of one kind. */
export type MetricName<Metrics, Kind extends "rows" | "usage" = "rows" | "usage"> = {
  [Name in keyof Metrics]: Metrics[Name] extends { readonly kind: Kind } ? Name : never;
}[keyof Metrics] &
  string;

/** Units of several metrics of one kind. */
export type UnitsOf<Metrics, Kind extends "rows" | "usage"> = Readonly<
  Partial<Record<MetricName<Metrics, Kind>, number>>
>;

export interface QuotaStatus<Metrics> {
  readonly tenantId: string;
  readonly metrics: Readonly<Record<MetricName<Metrics>, MetricStatus>>;
}

/** Counts what exists, in the transaction that makes or deletes it. */
export interface RowsMethods<Metrics, Db> {
  /**
   * Counts rows that `tx` is about to insert, or has inserted (`written`), and holds the counter until `tx` ends.
   * One statement when there is room, none for an unlimited metric. 0 units count nothing, and ask for room for one.
   * An error of the database comes through as it is.
   * @throws {QuotaExceeded} that makes the transaction roll back, when there is no room
   * @throws {TypeError} for units that are not a whole number from 0 to 2^52
   */
  use(tenantId: string, metric: MetricName<Metrics, "rows">, units: number, options: RowsOptions<Db>): Promise<Use>;
  /** As `use`, and answers a refusal with a value. Nothing was counted then; whoever has inserted rows must roll back. */
  tryUse(
    tenantId: string,
    metric: MetricName<Metrics, "rows">,
    units: number,
    options: RowsOptions<Db>,
  ): Promise<Use | Refused>;
  /** `use` of several metrics: all or none, in an order that is the same for every caller. */
  useAll(tenantId: string, units: UnitsOf<Metrics, "rows">, options: RowsOptions<Db>): Promise<readonly Use[]>;
  /** `tryUse` of several metrics. */
  tryUseAll(
    tenantId: string,
    units: UnitsOf<Metrics, "rows">,
    options: RowsOptions<Db>,
  ): Promise<readonly Use[] | Refused>;
  /** Takes off rows that `tx` has deleted. The counter never falls below 0; `missing` tells when it would have. */
  giveBack(
    tenantId: string,
    metric: MetricName<Metrics, "rows">,
    units: number,
    options: RowsOptions<Db>,
  ): Promise<GivenBack>;
  /** `giveBack` of several metrics, in the order of `useAll`. */
  giveBackAll(
    tenantId: string,
    units: UnitsOf<Metrics, "rows">,
    options: RowsOptions<Db>,
  ): Promise<readonly GivenBack[]>;
}

/** Counts what is consumed in billing periods. */
export interface UsageMethods<Metrics> {
  /**
   * Holds units for work that is about to begin; `commit` records what it took. What is held counts as used for all
   * others. 0 units hold nothing, and ask for room for one.
   * @throws {QuotaExceeded} when there is no room
   * @throws {StoreError} when the store did not answer, unless `whenUsageFails` lets that pass
   * @throws {TypeError} for units that are not a whole number from 0 to 2^52
   */
  reserve(
    tenantId: string,
    metric: MetricName<Metrics, "usage">,
    units: number,
    options?: ReserveOptions,
  ): Promise<Reservation>;
  /** As `reserve`, and answers a refusal with a value. */
  tryReserve(
    tenantId: string,
    metric: MetricName<Metrics, "usage">,
    units: number,
    options?: ReserveOptions,
  ): Promise<Reservation | Refused>;
  /** `reserve` of several metrics: all or none. Each is committed and released by itself. */
  reserveAll(
    tenantId: string,
    units: UnitsOf<Metrics, "usage">,
    options?: ReserveOptions,
  ): Promise<readonly Reservation[]>;
  /** Uses units at once, for work whose size is known. As `reserve` otherwise. */
  consume(
    tenantId: string,
    metric: MetricName<Metrics, "usage">,
    units: number,
    options?: ConsumeOptions,
  ): Promise<Use>;
  /** As `consume`, and answers a refusal with a value. */
  tryConsume(
    tenantId: string,
    metric: MetricName<Metrics, "usage">,
    units: number,
    options?: ConsumeOptions,
  ): Promise<Use | Refused>;
  /** `consume` of several metrics: all or none. */
  consumeAll(tenantId: string, units: UnitsOf<Metrics, "usage">, options?: ConsumeOptions): Promise<readonly Use[]>;
}

/** Decides how much a tenant may have and use. */
export interface Quota<Metrics, Db> extends RowsMethods<Metrics, Db>, UsageMethods<Metrics> {
  /** The names of the metrics, in the order they were declared. */
  readonly metrics: readonly MetricName<Metrics>[];
  /**
   * Where a tenant stands with every metric: one question to each backend. The first question about a tenant whose rows
   * were never counted counts them.
   * @throws {StoreError} when a backend does not answer in time
   */
  status(tenantId: string): Promise<QuotaStatus<Metrics>>;
  /** Whether units would be admitted now. It binds nobody: between this and `use` others may take the room. */
  check(tenantId: string, metric: MetricName<Metrics>, units?: number): Promise<QuotaCheck>;
  /**
   * Compares a count with what it counts, and corrects it by the difference; changes that are made meanwhile are kept.
   * Call it for rows when a tenant leaves a plan in which the metric is unlimited, which keeps no count.
   * @param tx holds the counter while the rows are counted. Without it nothing is held, and a counter that moves under
   *   every attempt stays as it is: `corrected` is false
   */
  reconcile(tenantId: string, metric: MetricName<Metrics>, tx?: Db): Promise<Reconciled>;
}
