export { brim, type Counter, type Current, type State } from "./algorithms/counter.js";
export { counterOf } from "./algorithms/counter-of.js";
export { type RequestDecided, requestDecide, type SlotLost, type StoreFailed, slotLose, storeFail } from "./events.js";
export { type CheckOptions, createRateLimiter, type RateLimiter, type RuleOptions } from "./limiter.js";
export { type MemoryStoreOptions, memoryStore } from "./memory/store.js";
export type { RateLimiterOptions } from "./options.js";
export type {
  Charge,
  Decision,
  Give,
  Held,
  LimitState,
  RateLimitStore,
  RateLimitSubject,
  Slot,
  Standing,
  Take,
  Taken,
} from "./types.js";
export { type WiringCode, type WiringWarning, wiringWarn } from "./setup-warnings.js";
