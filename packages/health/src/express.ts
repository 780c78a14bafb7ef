import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { Health } from "./health.js";
import { healthGuard, type HealthRouteOptions } from "./http/guard.js";

/**
 * Serves `/livez`, `/readyz`, `/startupz` and `/api/health` with its groups, as middleware for Express, Connect and plain
 * `node:http`. Mount it at the root, before everything that may refuse a request.
 */
export function healthRoutes(health: Health, options?: HealthRouteOptions): NodeMiddleware {
  return toExpress(healthGuard(health, options));
}
