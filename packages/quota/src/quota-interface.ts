import type { Admitted, Refused, UnitsByMetric } from "./plan/admit.js";
import type { CountedBy, UserOptions } from "./plan/count-name.js";
import type { MetricStatus, QuotaCheck } from "./plan/status.js";
import type { GivenBack, RowsOptions } from "./rows/rows-quota.js";
import type { Reconciled } from "./types.js";
import type { Reservation } from "./usage/reservation.js";
import type { Credited, CreditOptions, RolloverOptions } from "./usage/credits.js";
import type { ConsumeOptions, ReserveOptions } from "./usage/usage-quota.js";

/** Names of the metrics, or of the metrics of one kind. */
export type MetricName<Metrics, Kind extends "rows" | "usage" = "rows" | "usage"> = {
  [Name in keyof Metrics]: Metrics[Name] extends { readonly kind: Kind } ? Name : never;
}[keyof Metrics] &
  string;

export interface CheckOptions extends UserOptions {
  /** Integer from 0 to 2^52. @default 1 */
  readonly units?: number;
}

/** Names of the metrics that are counted by tenant, or by user. */
export type MetricOf<Metrics, By extends CountedBy> = {
  [Name in keyof Metrics]: Metrics[Name] extends { readonly by: By } ? Name : never;
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
   * all other calls. 0 units hold nothing, and check for room for one. A call that rejects holds nothing: when the store
   * carries it out after its deadline, the units are taken back.
   * @throws {QuotaExceeded} when there is no room
   * @throws {IdempotencyError} when the id is held or was used with other units or metrics
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
  /**
   * Uses units at once, for work whose size is known. With `over: "overflow"` it counts work that was done already, also
   * above the limit. A call that rejects counts nothing: when the store carries it out after its deadline, the units are
   * taken back. One that `whenUsageFails` admits is counted then. Errors are those of `reserve`.
   */
  consume<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: ConsumeOptions,
  ): Promise<Admitted<Name>>;
  /** As `consume`, but returns a refusal. */
  tryConsume<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options?: ConsumeOptions,
  ): Promise<Admitted<Name> | Refused>;
  /**
   * Adds units to the room of the current period, on top of the plan's: they are subtracted from the used ones. Each metric
   * is credited once for an id. A credit that rejects may be carried out late: repeat it with the same id.
   * @throws {IdempotencyError} when the id was credited with other units in this period
   * @throws {StoreError} when the store or the ledger did not answer
   */
  credit<Name extends MetricName<Metrics, "usage">>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: CreditOptions,
  ): Promise<Readonly<Record<Name, Credited>>>;
  /**
   * Credits the units that the previous period has left, of the limit in the tenant's current plan, in the current period.
   * Once in a period, however often it is called: at the first request of a period, or by a job. Units that are still held
   * count as used. A metric that is unlimited, or that never starts again, has nothing to carry over.
   * @throws {StoreError} when the store or the ledger did not answer: repeat it
   */
  rollover(tenantId: string, metric: MetricName<Metrics, "usage">, options?: RolloverOptions): Promise<Credited>;
  /**
   * Reads every metric of a tenant, with one call to each backend: those that are counted by user only when the user is
   * known. The first read of a tenant whose rows were never counted counts them. A late answer is dropped.
   * @throws {StoreError} when a backend does not answer in time
   */
  status(
    tenantId: string,
    options?: UserOptions,
  ): Promise<{
    readonly tenantId: string;
    readonly metrics: Readonly<
      Record<MetricOf<Metrics, "tenant">, MetricStatus> & Partial<Record<MetricOf<Metrics, "user">, MetricStatus>>
    >;
  }>;
  /**
   * Tells whether units would be admitted now. Nothing is held: other calls may take the room before `use`. A late answer
   * is dropped.
   * @throws {StoreError} when the backend does not answer in time
   */
  check(tenantId: string, metric: MetricName<Metrics>, units?: number | CheckOptions): Promise<QuotaCheck>;
  /**
   * Compares a count with its source, and corrects it by the difference; concurrent changes are kept.
   * A metric that is counted by user needs the user of `tenancy.run({ tenantId, userId }, …)`.
   * Call it for rows when a tenant leaves a plan in which the metric is unlimited, because such a plan keeps no count.
   * @param tx locks the counter while the rows are counted. Without it nothing is locked, and a counter that changes
   *   during every attempt stays as it is: `corrected` is false. A correction that is carried out after its deadline is
   *   made only if the count is still the same.
   */
  reconcile(tenantId: string, metric: MetricName<Metrics>, tx?: Db): Promise<Reconciled>;
}
