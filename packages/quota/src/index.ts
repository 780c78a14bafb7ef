export { IdempotencyError, QuotaExceeded } from "./errors.js";
export { driftFind, overageUse, repeatFail, storeFail, thresholdReach, useRefuse } from "./events.js";
export {
  type QuotaOptions,
  rows,
  type RowsMetricOptions,
  usage,
  type UsageFailurePolicy,
  type UsageMetricOptions,
} from "./options.js";
export { periodAt } from "./period/period.js";
export type { Admitted, Refused, UnitsByMetric, Use } from "./plan/admit.js";
export type { CountedBy, UserOptions } from "./plan/count-name.js";
export type { MetricStatus, QuotaCheck } from "./plan/status.js";
export { quotaTables, type QuotaTableOptions } from "./postgres/tables.js";
export type { CheckOptions, MetricName, Quota } from "./quota-interface.js";
export { createQuota } from "./quota.js";
export type { GivenBack, RowsOptions } from "./rows/rows-quota.js";
export type {
  CountRows,
  CountStatus,
  Definitions,
  Interval,
  OverReserved,
  Period,
  QuotaRefusal,
  Reconciled,
  RowsChange,
  RowsInput,
  RowsMetric,
  RowsOutcome,
  RowsStore,
  Subscription,
  UsageMetric,
} from "./types.js";
export { memoryUsage } from "./usage/memory-store.js";
export type { Committed, Reservation } from "./usage/reservation.js";
export type {
  CancelInput,
  ChangeOutcome,
  ChangesOutcome,
  CommitInput,
  CommitOutcome,
  ConsumeInput,
  CreditInput,
  CreditOutcome,
  ReleaseInput,
  ReserveInput,
  UsageAddress,
  UsageChange,
  UsageStore,
} from "./usage/store.js";
export type { Credited, CreditOptions, RolloverOptions } from "./usage/credits.js";
export type { ConsumeOptions, ReserveOptions } from "./usage/usage-quota.js";
