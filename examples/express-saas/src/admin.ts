import { createHash, timingSafeEqual } from "node:crypto";
import type { NodeMiddleware } from "@scale/http/express";
import { quotaStatus } from "@scale/quota/express";
import type { CrmQuota } from "./quota.js";

/**
 * Where a tenant stands with its quotas, for whoever has the token. A product asks its login instead, whether this user
 * is one of its staff.
 */
export function quotaAdmin(quota: CrmQuota, token: string): NodeMiddleware {
  const expected = digest(`Bearer ${token}`);
  return quotaStatus(quota, {
    authorize: (facts) => timingSafeEqual(digest(facts.header("authorization") ?? ""), expected),
  });
}

// Of equal length whatever comes in, as `timingSafeEqual` needs it.
const digest = (value: string): Buffer => createHash("sha256").update(value).digest();
