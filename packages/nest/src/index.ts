export { ProblemFilter } from "./filter.js";
export { toNestGuard } from "./guards.js";
export { TenancyInterceptor } from "./interceptor.js";
export { ScaleModule } from "./module.js";
export { RateLimit, SkipHttpGuards, UseHttpGuards } from "./names.js";
export type { RouteRateLimit, ScaleModuleOptions } from "./options.js";
export { DeniedException, tenantOf } from "./run.js";
export { CurrentTenant } from "./tenant.js";
