export { healthGuard, type HealthRouteOptions } from "./guard.js";
export type { HealthPaths } from "./paths.js";
