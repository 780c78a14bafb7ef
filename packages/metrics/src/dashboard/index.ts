export { type MetricsSource, metricsSource } from "./source.js";
export type { MetricsSourceOptions } from "./options.js";
export type { DashboardData, TabData, Table, TenantDetails, Tile } from "./types.js";
