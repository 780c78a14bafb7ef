export type { Refused, Use } from "./admit.js";
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
export { periodAt } from "./period.js";
export { createQuota } from "./quota.js";
export type {
  Definitions,
  MetricName,
  Quota,
  QuotaStatus,
  RowsMethods,
  UnitsOf,
  UsageMethods,
} from "./quota-types.js";
export type { CommitOptions, Committed, Reservation } from "./reservation.js";
export type { ConsumeOptions, ReserveOptions } from "./reservations.js";
export type { GivenBack, RowsOptions } from "./rows.js";
export { quotaTables, type QuotaTableOptions } from "./sql/tables.js";
export type { MetricStatus, QuotaCheck } from "./status.js";
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
export { memoryUsage, type MemoryUsageOptions } from "./usage-memory.js";
export type {
  BulkUsageStore,
  ChargeOutcome,
  ChargesOutcome,
  ReserveAllInput,
  UsageCharge,
  UseAllInput,
} from "./usage-types.js";
