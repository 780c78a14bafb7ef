import { cacheCheck, createHealth, type Health, redisCheck, routerCheck } from "@scale/health";
import type { CrmCache } from "./cache.js";
import type { Components } from "./components.js";
import type { RatesClient } from "./rates/client.js";

export interface CrmHealthOptions extends Pick<Components, "database" | "limitStore"> {
  readonly crm: CrmCache;
  readonly rates: RatesClient;
}

/** No balancer stands in front of the example, so that nothing has to notice its end. */
const DRAIN = { delayMs: 0, deadlineMs: 8_000 };

/** Nothing is critical: all processes share Postgres and Redis, and serve what they can without them. */
export function createCrmHealth({ database, limitStore, crm, rates }: CrmHealthOptions): Health {
  return createHealth({
    ready: [
      routerCheck(database.router),
      cacheCheck(crm.cache),
      ...(limitStore.is === "redis" ? [redisCheck(limitStore.redis)] : []),
    ],
    breakers: [rates.breaker],
    drain: DRAIN,
  });
}
