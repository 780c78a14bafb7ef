import { createHash, timingSafeEqual } from "node:crypto";
import type { PlanResolver } from "@scale/core";
import type { Router as DbRouter } from "@scale/db-router";
import { problem } from "@scale/http";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { quotaStatus } from "@scale/quota/express";
import { type Request, type RequestHandler, Router } from "express";
import type { CrmCache } from "./cache.js";
import type { CrmQuota } from "./quota.js";

/**
 * Where a tenant stands with its quotas, for whoever has the token. A product asks its login instead, whether this user
 * is one of its staff.
 */
export function quotaAdmin(quota: CrmQuota, token: string): NodeMiddleware {
  const hasToken = createTokenCheck(token);
  return quotaStatus(quota, { authorize: (facts) => hasToken(facts.header("authorization")) });
}

/** Whether reads and writes can be served, for the probe of a load balancer. Asks no server: the router has just done so. */
export function health(router: DbRouter): RequestHandler {
  return (_request, response) => {
    const { isReadable, isWritable } = router.health();
    // Without a primary this process still shows everything.
    response.status(isReadable ? 200 : 503);
    response.json({ status: isReadable ? "ok" : "unavailable", database: { isReadable, isWritable } });
  };
}

/** What every server of the database is good for, and where statements went; for whoever has the token. */
export function databaseAdmin(router: DbRouter, token: string): Router {
  const hasToken = createTokenCheck(token);
  const routes = Router();
  routes.use(toExpress(async (facts) => (hasToken(facts.header("authorization")) ? {} : { reply: forbidden })));
  routes.get("/", (_request, response) => void response.json({ health: router.health(), stats: router.stats() }));
  return routes;
}

/** Empties the cache of a tenant, in all processes, and fills it again; for whoever has the token. */
export function cacheAdmin({ cache, warmers }: CrmCache, plans: PlanResolver, token: string): Router {
  const hasToken = createTokenCheck(token);
  const router = Router();
  router.use(toExpress(async (facts) => (hasToken(facts.header("authorization")) ? {} : { reply: forbidden })));

  /** @throws {PlanError} when there is no such tenant, as everywhere */
  async function tenantOf({ params }: Request<{ tenantId: string }>): Promise<string> {
    await plans.resolve(params.tenantId);
    return params.tenantId;
  }

  router.get("/:tenantId", async (request, response) => {
    const tenantId = await tenantOf(request);
    response.json({ tenantId, ...cache.tenant(tenantId).stats() });
  });
  router.delete("/:tenantId", async (request, response) => {
    const tenantId = await tenantOf(request);
    response.json({ tenantId, ...(await warmers.invalidateTenantCache(tenantId)) });
  });
  router.post("/:tenantId/warm", async (request, response) => {
    const tenantId = await tenantOf(request);
    const { loaded, fresh, failed, isAborted, durationMs } = await warmers.warmTenantCache(tenantId);
    response.json({ tenantId, loaded, fresh, failed, isAborted, durationMs: Math.round(durationMs) });
  });
  return router;
}

const forbidden = problem({ title: "Forbidden", status: 403, detail: "This is for who has the token." });

/** @returns whether a header is that of somebody who has the token */
function createTokenCheck(token: string): (header: string | undefined) => boolean {
  const expected = digest(`Bearer ${token}`);
  return (header = "") => timingSafeEqual(digest(header), expected);
}

// Of equal length whatever comes in, as `timingSafeEqual` needs it.
const digest = (value: string): Buffer => createHash("sha256").update(value).digest();
