import type { Metrics } from "../types.js";
import type { MetricsSummary } from "./types.js";

/**
 * Requests of this process, of each tenant with series of its own and of all others, with percentiles and problems: what
 * `GET /api/admin/metrics/summary` answers.
 */
export const getMetricsSummary = (metrics: Metrics): MetricsSummary => metrics.summary();
