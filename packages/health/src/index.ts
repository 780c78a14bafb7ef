export { type StoreFailed, storeFail } from "./events.js";
export { memoryStore } from "./memory-store.js";
export { createHealth, type Health, type HealthOptions } from "./health.js";
export type { HealthStore } from "./types.js";
