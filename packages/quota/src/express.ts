import { type NodeMiddleware, toExpress } from "@scale/http/express";
import {
  type QuotaChecker,
  quotaGuard,
  type QuotaGuardOptions,
  quotaStatusGuard,
  type QuotaStatusOptions,
  type QuotaStatusSource,
} from "./http.js";

/** Refuses a route's requests early when the tenant has no room: `app.post("/patients", checkQuota(quota, "patients"), …)`. */
export function checkQuota<Name extends string>(
  quota: QuotaChecker<Name>,
  metric: NoInfer<Name>,
  options?: QuotaGuardOptions,
): NodeMiddleware {
  return toExpress(quotaGuard<Name>(quota, metric, options));
}

/** Replies with a tenant's quotas: `app.get("/api/admin/quotas/:tenantId", quotaStatus(quota, { authorize }))`. */
export function quotaStatus(quota: QuotaStatusSource, options: QuotaStatusOptions): NodeMiddleware {
  return toExpress(quotaStatusGuard(quota, options));
}
