export { SubjectError } from "./errors.js";
export { refundFail, requestDecide, slotLose, storeFail, waitRefuse } from "./events.js";
export { createRateLimiter, type RateLimiter } from "./limiter.js";
export { type MemoryStoreOptions, memoryStore } from "./memory/store.js";
export type { RateLimiterOptions } from "./options.js";
export { type SetupWarning, setupWarn } from "./setup-warnings.js";
export type {
  CheckOptions,
  Decision,
  LimitStatus,
  RateLimitStore,
  RateLimitSubject,
  RuleOptions,
  RuleStatus,
  Slot,
} from "./types.js";
export type { WaitAdmission, WaitDenial, WaitOptions, WaitRefusal, WaitResult } from "./wait/types.js";
export { createWaitQueue, type WaitQueue, type WaitQueueOptions } from "./wait/wait-queue.js";
