export { type ExpositionRoute, metricsRoutes, type MetricsAdminOptions } from "./admin.js";
export { expositionReply, formatFor, type StreamedReply } from "./exposition.js";
export { metricsGuard, type MetricsGuardOptions } from "./guard.js";
