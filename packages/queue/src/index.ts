export { systemTimerClock } from "./clock.js";
export { type BacklogFull, JobCancelled, LeaseLost, PayloadTooLarge, TenantBacklogFull } from "./errors.js";
export type {
  AddOutcome,
  CancelOutcome,
  ConsumeOptions,
  Consumer,
  JobHandler,
  JobQuery,
  LeasedJob,
  NewJob,
  OpenQueueOptions,
  Page,
  QueueStore,
  RedriveQuery,
  Retention,
  SettleOutcome,
  Settlement,
  StoredQueue,
  TimerClock,
} from "./store.js";
export type {
  DeadReason,
  JobCounts,
  JobFailure,
  JobPriority,
  JobRecord,
  JobState,
  StoredJob,
  TenantShare,
  TenantStats,
} from "./types.js";
