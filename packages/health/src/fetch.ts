import { toFetch } from "@scale/http/fetch";
import type { Health } from "./health.js";
import { healthGuard, type HealthRouteOptions } from "./http/guard.js";

/**
 * Serves `/livez`, `/readyz`, `/startupz` and `/api/health` with its groups, as a fetch handler: Next, Hono, Bun, SvelteKit.
 * Every other path is 404.
 */
export function healthRoutes(health: Health, options?: HealthRouteOptions): (request: Request) => Promise<Response> {
  return toFetch<[Request]>(healthGuard(health, options), () => new Response(null, { status: 404 }));
}
