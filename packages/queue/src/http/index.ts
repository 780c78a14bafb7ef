import { tenancy } from "@scale/core";
import type { HttpGuard } from "@scale/http";
import type { Queue } from "../queue.js";

/** Adds one unit for each request of the tenant. It never denies; put the decision of the feature here. */
export function queueGuard(queue: Queue): HttpGuard {
  return async () => {
    const total = await queue.add(tenancy.require().tenantId, 1);
    return { headers: { "X-Queue-Total": String(total) } };
  };
}
