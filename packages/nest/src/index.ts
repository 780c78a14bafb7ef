export { ProblemFilter } from "./problem.filter.js";
export { toNestGuard } from "./scale.guard.js";
export { TenancyInterceptor } from "./tenancy.interceptor.js";
export { ScaleModule } from "./scale.module.js";
export { RateLimit, SkipHttpGuards, UseHttpGuards } from "./scale.decorators.js";
export type { ModuleRateLimit, RouteRateLimit, ScaleModuleOptions } from "./options.js";
export { DeniedException, tenantOf } from "./run-guard.js";
export { CurrentTenant } from "./current-tenant.decorator.js";
export { RequestValue } from "./request-value.decorator.js";
