export { ProblemFilter } from "./problem.filter.js";
export { toNestGuard } from "./scale.guard.js";
export { TenancyInterceptor } from "./tenancy.interceptor.js";
export { ScaleModule } from "./scale.module.js";
export { RateLimit, RequireFlag, Shed, SkipHttpGuards, UseBreaker, UseHttpGuards } from "./scale.decorators.js";
export type {
  ModuleFlag,
  ModuleRateLimit,
  RouteFlag,
  RoutePolicy,
  RouteRateLimit,
  RouteShed,
  ScaleModuleOptions,
} from "./options.js";
export { DeniedException, tenantOf } from "./run-guard.js";
export { CurrentTenant } from "./current-tenant.decorator.js";
export { RequestValue } from "./request-value.decorator.js";
export { DashboardModule, type DashboardModuleOptions } from "./dashboard/dashboard.module.js";
export { HealthModule, type HealthModuleOptions } from "./health/health.module.js";
export { type HealthSource, terminusIndicator, type TerminusResult } from "./health/terminus-indicator.js";
export { QueueDashboardModule, type QueueDashboardModuleOptions } from "./queue/queue-dashboard.module.js";
export { MetricsModule, type MetricsModuleOptions } from "./metrics/metrics.module.js";
export { runMiddleware } from "./run-middleware.js";
