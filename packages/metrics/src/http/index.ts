import { tenancy } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import type { Metrics } from "../metrics.js";

/** Adds one unit for each request of the tenant. It never denies; put the decision of the feature here. */
export function metricsGuard(metrics: Metrics): HttpGuard {
  return async () => {
    const total = await metrics.add(tenancy.require().tenantId, 1);
    return { headers: { "X-Metrics-Total": String(total) } };
  };
}
