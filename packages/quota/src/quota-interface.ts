import type { Admitted, Refused, UnitsByMetric } from "./plan/admit.js";
import type { MetricStatus, QuotaCheck } from "./plan/status.js";
import type { GivenBack, RowsOptions } from "./rows/rows-quota.js";
import type { Reconciled } from "./types.js";
import type { Reservation } from "./usage/reservation.js";
import type { ReserveOptions } from "./usage/usage-quota.js";

/** Names of the metrics, or of the metrics of one kind. */
export type MetricName<Metrics, Kind extends "rows" | "usage" = "rows" | "usage"> = {
  [Name in keyof Metrics]: Metrics[Name] extends { readonly kind: Kind } ? Name : never;
}[keyof Metrics] &
  string;

/**
 * Enforces the limits of the tenants' plans. `use`, `tryUse` and `giveBack` count rows in the transaction that inserts or
 * deletes them. `reserve`, `tryReserve`, `consume` and `tryConsume` count consumption in billing periods.
 * Each takes units of one metric or of several, `{ users: 1, bytes: 500 }`, and admits all of them or none.
 * Units are integers from 0 to 2^52; other values throw a TypeError.
 */
export interface Quota<Metrics, Db> {
  /** Names of the metrics, in the order they were declared. */
  readonly metrics: readonly MetricName<Metrics>[];
  /**
   * Counts rows that `tx` is about to insert, or has inserted (`written`), and locks the counters until `tx` ends.
   * One statement when there is room, none for an unlimited metric. 0 units count nothing, and check for room for one.
   * Locks the counters of several metrics in an order that is the same for every caller. Database errors pass through
   * unchanged.
   * @throws {QuotaExceeded} when there is no room, which makes the transaction roll back
   */
  use<Name extends MetricName<Metrics, "rows">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: RowsOptions<Db>,
  ): Promise<Admitted<Name>>;
  /** As `use`, but returns a refusal. Nothing was counted then; if rows were already inserted, roll back. */
  tryUse<Name extends MetricName<Metrics, "rows">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: RowsOptions<Db>,
  ): Promise<Admitted<Name> | Refused>;
  /** Subtracts rows that `tx` has deleted. No counter falls below 0; `missing` is above 0 when one would have. */
  giveBack<Name extends MetricName<Metrics, "rows">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: RowsOptions<Db>,
  ): Promise<Readonly<Record<Name, GivenBack>>>;
  /**
   * Holds units for work that is about to begin; `commit` records the units that it used. Held units count as used for
   * all other calls. 0 units hold nothing, and check for room for one.
   * @throws {QuotaExceeded} when there is no room
   * @throws {StoreError} when the store did not answer, unless `whenUsageFails` admits the work
   */
  reserve<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: ReserveOptions,
  ): Promise<Reservation<Name>>;
  /** As `reserve`, but returns a refusal. */
  tryReserve<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: ReserveOptions,
  ): Promise<Reservation<Name> | Refused>;
  /** Uses units at once, for work whose size is known. Otherwise as `reserve`. */
  consume<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: Pick<ReserveOptions, "id">,
  ): Promise<Admitted<Name>>;
  /** As `consume`, but returns a refusal. */
  tryConsume<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: Pick<ReserveOptions, "id">,
  ): Promise<Admitted<Name> | Refused>;
  /**
   * Reads every metric of a tenant, with one call to each backend. The first read of a tenant whose rows were never
   * counted counts them.
   * @throws {StoreError} when a backend does not answer in time
   */
  status(tenantId: string): Promise<{
    readonly tenantId: string;
    readonly metrics: Readonly<Record<MetricName<Metrics>, MetricStatus>>;
  }>;
  /** Tells whether units would be admitted now. Nothing is held: other calls may take the room before `use`. */
  check(tenantId: string, metric: MetricName<Metrics>, units?: number): Promise<QuotaCheck>;
  /**
   * Compares a count with its source, and corrects it by the difference; concurrent changes are kept.
   * Call it for rows when a tenant leaves a plan in which the metric is unlimited, because such a plan keeps no count.
   * @param tx locks the counter while the rows are counted. Without it nothing is locked, and a counter that changes
   *   during every attempt stays as it is: `corrected` is false
   */
  reconcile(tenantId: string, metric: MetricName<Metrics>, tx?: Db): Promise<Reconciled>;
}
