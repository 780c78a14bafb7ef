export type { Refused, Use } from "./plan/admit.js";
export { QuotaExceeded } from "./errors.js";
export {
  driftFind,
  type DriftFound,
  overageUse,
  type OverageUsed,
  storeFail,
  type StoreFailed,
  type ThresholdReached,
  thresholdReach,
  useRefuse,
} from "./events.js";
export { rows, type RowsMetricOptions, usage, type UsageMetricOptions } from "./metrics.js";
export type { QuotaOptions, UsageFailurePolicy } from "./options.js";
export { periodAt } from "./period/period.js";
export { createQuota } from "./quota.js";
export type {
  Definitions,
  MetricName,
  Quota,
  QuotaStatus,
  RowsMethods,
  UnitsOf,
  UsageMethods,
} from "./quota-interface.js";
export type { CommitOptions, Committed, Reservation } from "./usage/reservation.js";
export type { ConsumeOptions, ReserveOptions } from "./usage/usage-quota.js";
export type { GivenBack, RowsOptions } from "./rows/rows-quota.js";
export { quotaTables, type QuotaTableOptions } from "./postgres/tables.js";
export type { MetricStatus, QuotaCheck } from "./plan/status.js";
export type {
  Bounds,
  CommitInput,
  CommitOutcome,
  CountRows,
  Interval,
  MetricDefinition,
  OverReserved,
  Period,
  QuotaRefusal,
  Reconciled,
  ReserveInput,
  ReserveOutcome,
  RowsChange,
  RowsInput,
  RowsMetric,
  RowsOutcome,
  RowsStanding,
  RowsStore,
  Standing,
  Subscription,
  UsageAddress,
  UsageMetric,
  UsageStore,
} from "./types.js";
export { memoryUsage, type MemoryUsageOptions } from "./usage/memory-store.js";
export type {
  BulkUsageStore,
  ChargeOutcome,
  ChargesOutcome,
  ReserveAllInput,
  UsageCharge,
  UseAllInput,
} from "./usage/store.js";
