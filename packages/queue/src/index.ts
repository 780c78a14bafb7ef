export { systemTimerClock } from "./clock.js";
export {
  type BacklogFull,
  JobCancelled,
  JobTimeout,
  LeaseLost,
  PayloadTooLarge,
  Permanent,
  RetryAfter,
  TenantBacklogFull,
  TenantThrottled,
  WorkerDraining,
} from "./errors.js";
export {
  jobAbandon,
  type JobAbandoned,
  jobEnqueue,
  type JobEnqueued,
  type JobEvent,
  jobFinish,
  type JobFinished,
  jobRefuse,
  type JobRefused,
  jobStart,
  type JobStarted,
  scheduleFail,
  type ScheduleFailed,
  scheduleFire,
  type ScheduleFired,
  storeFail,
  type StoreFailed,
  workerDrain,
  type WorkerDrained,
} from "./events.js";
export type { Backoff } from "./jobs/backoff.js";
export { defineJobs, job } from "./jobs/define.js";
export type { SchemaInput, SchemaIssue, SchemaOutput, SchemaResult, StandardSchema } from "./jobs/standard-schema.js";
export type { JobData, JobDefinition, JobInput, JobName, JobOptions, JobOutput, Jobs } from "./jobs/types.js";
export { inlineStore } from "./memory/inline-store.js";
export { memoryStore, type MemoryStoreOptions } from "./memory/store.js";
export { type QueuePreset, type QueuePresetName, saas6 } from "./presets.js";
export type { FairnessOptions, QueueOptions, RetentionOptions } from "./queue/options.js";
export { createQueue } from "./queue/queue.js";
export type {
  Dead,
  DeadQuery,
  DeliveryFailure,
  Enqueued,
  EnqueueOptions,
  EnqueueRequest,
  Enqueuing,
  OutboxDelivery,
  OutboxLike,
  OutboxMessage,
  Queue,
  RedriveOptions,
  Tenants,
} from "./queue/types.js";
export type { Schedule, ScheduleOptions } from "./schedules/types.js";
export type {
  AddOutcome,
  CancelOutcome,
  ConsumeOptions,
  Consumer,
  JobHandler,
  JobQuery,
  LeasedJob,
  LeaseEnd,
  NewJob,
  OpenQueueOptions,
  OutboxJob,
  Page,
  QueueStore,
  RedriveQuery,
  Retention,
  SettleOutcome,
  Settlement,
  StoredQueue,
  TimerClock,
} from "./store.js";
export { type OpenTelemetryApi, openTelemetryTrace, type TraceBridge, type TraceContext } from "./trace.js";
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
export type { DrainReport, Handlers, JobContext, JobHandlerOf, Worker, WorkerOptions } from "./worker/types.js";
export { createWorker } from "./worker/worker.js";
