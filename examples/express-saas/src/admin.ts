import { createHash, timingSafeEqual } from "node:crypto";
import type { PlanResolver } from "@scale/core";
import type { Router as DbRouter } from "@scale/db-router";
import type { Health } from "@scale/health";
import { healthRoutes } from "@scale/health/express";
import { problem } from "@scale/http";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { quotaStatus } from "@scale/quota/express";
import { type Request, Router } from "express";
import type { CrmCache } from "./cache.js";
import type { CrmQuota } from "./quota.js";

/**
 * Serves the quota status of any tenant to callers with the admin token. A product checks its login instead: whether the
 * user is a member of its staff.
 */
export function quotaAdmin(quota: CrmQuota, token: string): NodeMiddleware {
  const hasToken = createTokenCheck(token);
  return quotaStatus(quota, { authorize: (facts) => hasToken(facts.header("authorization")) });
}

/** Serves the health of the process and of all it uses; the details to callers with the admin token. */
export function healthProbes(health: Health, token: string): NodeMiddleware {
  const hasToken = createTokenCheck(token);
  return healthRoutes(health, { authorize: (facts) => hasToken(facts.header("authorization")) });
}

/** Serves the health and the routing statistics of the database servers to callers with the admin token. */
export function databaseAdmin(router: DbRouter, token: string): Router {
  const routes = Router();
  routes.use(adminOnly(token));
  routes.get("/", (_request, response) => void response.json({ health: router.health(), stats: router.stats() }));
  return routes;
}

/** Shows, invalidates (in all processes) and warms the cache of a tenant, for callers with the admin token. */
export function cacheAdmin({ cache, warmers }: CrmCache, plans: PlanResolver, token: string): Router {
  const router = Router();
  router.use(adminOnly(token));

  /** @throws {PlanError} when the tenant does not exist */
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

/** Refuses requests without the admin token. */
export function adminOnly(token: string): NodeMiddleware {
  const hasToken = createTokenCheck(token);
  return toExpress(async ({ header }) => (hasToken(header("authorization")) ? {} : { reply: forbidden }));
}

const forbidden = problem({ title: "Forbidden", status: 403, detail: "A valid admin token is required." });

/** Returns a function that checks an `Authorization` header against the token, in constant time. */
export function createTokenCheck(token: string): (header: string | undefined) => boolean {
  const expected = digest(`Bearer ${token}`);
  return (header = "") => timingSafeEqual(digest(header), expected);
}

// Digests have equal length, which `timingSafeEqual` requires.
const digest = (value: string): Buffer => createHash("sha256").update(value).digest();
