export { type RequestDecided, requestDecide, type StoreFailed, storeFail } from "./events.js";
export { type CheckOptions, createRateLimiter, type RateLimiter } from "./limiter.js";
export { type MemoryStoreOptions, memoryStore } from "./memory.js";
export type { RateLimiterOptions } from "./options.js";
export type { Charge, Decision, LimitState, RateLimitStore, Standing, Take, Taken } from "./types.js";
