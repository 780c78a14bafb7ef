import type { RequestHandler } from "express";
import type { CrmCache } from "../cache.js";
import { setCacheStatus } from "./cache-headers.js";

/** Serves the dashboard: counts of all rows of the tenant. */
export function showDashboard({ cache, dashboard }: CrmCache): RequestHandler {
  return async (_request, response) => {
    response.json(setCacheStatus(response, await cache.tenant().getWithInfo(dashboard, undefined)));
  };
}
