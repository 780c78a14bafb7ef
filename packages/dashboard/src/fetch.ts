import { factsFromFetch } from "@scale/http/adapter";
import type { Dashboard } from "./dashboard.js";

/** Serves the page as a fetch handler: Next, Hono, Bun, SvelteKit. Every other path is 404. */
export function dashboardRoutes(dashboard: Dashboard): (request: Request) => Promise<Response> {
  return async (request) => (await dashboard.respond(factsFromFetch(request))) ?? new Response(null, { status: 404 });
}
