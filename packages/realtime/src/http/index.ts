import { tenancy } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import type { Realtime } from "../realtime.js";

/** Adds one unit for each request of the tenant. It never denies; put the decision of the feature here. */
export function realtimeGuard(realtime: Realtime): HttpGuard {
  return async () => {
    const total = await realtime.add(tenancy.require().tenantId, 1);
    return { headers: { "X-Realtime-Total": String(total) } };
  };
}
