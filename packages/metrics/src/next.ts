// Route handlers of Next are fetch handlers.
export { metricsHandler, withMetrics, type WithMetricsOptions } from "./fetch.js";
