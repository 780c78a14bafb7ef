import { type PlanResolver, systemClock } from "@scale/core";
import type { Health } from "@scale/health";
import type { Shedder } from "@scale/shed";
import { createCrmCache, type CrmCache } from "./cache.js";
import type { Components, LimitStore } from "./components.js";
import type { RatesParts } from "./degradation.js";
import { createCrmFlags, type CrmFlags } from "./flags.js";
import { createCrmHealth } from "./health.js";
import { type CrmJobs, startCrmJobs } from "./jobs/start.js";
import { createCrmHub, type CrmHub } from "./notifications/hub.js";
import { createCrmQuota, type CrmQuota } from "./quota.js";
import { createRatesClient } from "./rates/client.js";
import { startRatesService } from "./rates/service.js";
import { createCrmShedder } from "./shedding.js";
import type { Teardown } from "./teardown.js";

/** Parts that the routes of the CRM stand on. */
export interface Product {
  readonly crm: CrmCache;
  readonly quota: CrmQuota;
  readonly flags: CrmFlags;
  readonly shedder: Shedder;
  readonly rates: RatesParts & { readonly service: { readonly url: string } };
  readonly health: Health;
  readonly jobs: CrmJobs;
  readonly hub: CrmHub;
}

interface ProductOptions {
  readonly plans: PlanResolver;
  readonly onError: (error: unknown) => void;
}

export async function startProduct(
  components: Components,
  { plans, onError }: ProductOptions,
  teardown: Teardown,
): Promise<Product> {
  const { database, limitStore, usage } = components;
  const crm = createCrmCache({ db: database.db, plans, store: components.cacheStore });
  teardown.defer(() => crm.cache.close());
  const flags = createCrmFlags({ source: components.flagSource, plans, isRedisReady: redisReady(limitStore) });
  teardown.defer(() => flags.close());
  // Without an answer the flags have their defaults.
  await flags.ready();
  const shedder = createCrmShedder(plans);
  teardown.defer(() => shedder.close());
  const hub = createCrmHub({ ...components, plans });
  teardown.defer(() => hub.close());
  const jobs = startCrmJobs({ database, limitStore, plans, hub, clock: systemClock, onError }, teardown);
  const rates = await startRates(teardown);
  const health = createCrmHealth({ database, limitStore, crm, rates: rates.client });
  const quota = createCrmQuota({ db: database.db, store: usage, plans });
  return { crm, quota, flags, shedder, rates, health, jobs, hub };
}

async function startRates(teardown: Teardown): Promise<Product["rates"]> {
  const service = await startRatesService();
  teardown.defer(() => service.close());
  return { service, client: createRatesClient(service.url) };
}

/** The memory of this process is always ready. */
export const redisReady = (store: LimitStore): (() => boolean) =>
  store.is === "memory" ? () => true : () => store.redis.status === "ready";
