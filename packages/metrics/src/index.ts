export { type StoreFailed, storeFail } from "./events.js";
export { memoryStore } from "./memory-store.js";
export { createMetrics, type Metrics, type MetricsOptions } from "./metrics.js";
export type { MetricsStore } from "./types.js";
