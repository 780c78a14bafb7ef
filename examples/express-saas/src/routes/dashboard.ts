import type { RequestHandler } from "express";
import type { CrmCache } from "../cache.js";
import { setCacheStatus } from "./cache-headers.js";

/** What the first page of the product shows: counts of everything that the tenant has. */
export function showDashboard({ cache, dashboard }: CrmCache): RequestHandler {
  return async (_request, response) => {
    response.json(setCacheStatus(response, await cache.tenant().getWithInfo(dashboard, undefined)));
  };
}
