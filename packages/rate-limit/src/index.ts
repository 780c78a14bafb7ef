export { capacity, type Algorithm, type MutableState, type State } from "./algorithms/counter.js";
export { counterOf } from "./algorithms/counter-of.js";
export { type RequestDecided, requestDecide, type SlotLost, type StoreFailed, slotLose, storeFail } from "./events.js";
export { type CheckOptions, createRateLimiter, type RateLimiter, type RuleOptions } from "./limiter.js";
export { type MemoryStoreOptions, memoryStore } from "./memory/store.js";
export type { RateLimiterOptions } from "./options.js";
export type {
  Charge,
  Decision,
  RefundRequest,
  HeldSlot,
  LimitStatus,
  RateLimitStore,
  RateLimitSubject,
  Slot,
  RuleStatus,
  ConsumeRequest,
  ConsumeResult,
} from "./types.js";
export { type WiringCode, type WiringWarning, wiringWarn } from "./setup-warnings.js";
