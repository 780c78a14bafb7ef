import { tenancy } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import type { Health } from "../health.js";

/** Adds one unit for each request of the tenant. It never denies; put the decision of the feature here. */
export function healthGuard(health: Health): HttpGuard {
  return async () => {
    const total = await health.add(tenancy.require().tenantId, 1);
    return { headers: { "X-Health-Total": String(total) } };
  };
}
