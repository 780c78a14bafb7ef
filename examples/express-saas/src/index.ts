import { randomBytes } from "node:crypto";
import { createPlanResolver, type PlanResolver, systemClock } from "@scale/core";
import { createApp } from "./app.js";
import { createCrmCache } from "./cache.js";
import { type Components, type LimitStore, startComponents } from "./components.js";
import type { RatesParts } from "./degradation.js";
import { FAILOVER_MS, type PoolSize } from "./db/client.js";
import { maxConcurrencyByPlan } from "./db/max-concurrency.js";
import { lookUpPlan } from "./db/look-up-plan.js";
import { seededTenants } from "./db/seed.js";
import { createCrmFlags } from "./flags.js";
import { LOOPBACK_HOSTS } from "./guards/hosts.js";
import { createCrmHealth } from "./health.js";
import { startCrmJobs } from "./jobs/start.js";
import { createMetrics, type MetricsOptions } from "./live/metrics.js";
import { createCrmHub } from "./notifications/hub.js";
import { createRatesClient } from "./rates/client.js";
import { startRatesService } from "./rates/service.js";
import { plans } from "./scale.plan.js";
import { startServer } from "./server.js";
import { createCrmShedder } from "./shedding.js";
import { createTeardown, type Teardown } from "./teardown.js";
import { startTraffic } from "./traffic/traffic.js";

export type { Components, LimitStore, DatabaseComponent } from "./components.js";

export interface ExampleOptions {
  /** URL of an existing database. @default an embedded Postgres with two replicas */
  readonly databaseUrl?: string;
  /** URLs of the replicas of `databaseUrl`. @default [] */
  readonly replicaUrls?: readonly string[];
  /** Pool sizes for each database server. @default sizes for a laptop */
  readonly pools?: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** URL of an existing Redis. @default an embedded Redis, or the memory of this process when no Redis program is found */
  readonly redisUrl?: string;
  /** Port on loopback. @default 0, any free port */
  readonly port?: number;
  /** Requests the example sends to itself. @default 150 per second */
  readonly traffic?: false | { readonly requestsPerSecond: number };
  /** Signs cursors and session tokens. @default random bytes, valid in this process only */
  readonly secret?: string;
  /** Bearer token for the admin routes. @default a random token */
  readonly adminToken?: string;
  /** Hosts that are served besides those of loopback, without ports. @default [] */
  readonly hosts?: readonly string[];
  /** Receives every error that is not a client's fault. @default errors are dropped */
  readonly onError?: (error: unknown) => void;
}

export interface Example {
  /** Base URL on loopback, without a trailing slash. */
  readonly url: string;
  readonly components: Components;
  readonly adminToken: string;
  /** Stops the traffic, finishes requests in flight and stops all servers that were started. May be called twice. */
  stop(): Promise<void>;
}

const TRAFFIC = { requestsPerSecond: 150 };

/** Starts the whole example. When one part fails to start, the started parts are stopped again. */
export async function startExample(options: ExampleOptions = {}): Promise<Example> {
  const teardown = createTeardown();
  try {
    return await start(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(options: ExampleOptions, teardown: Teardown): Promise<Example> {
  const { port = 0, traffic = TRAFFIC, onError = () => {}, adminToken = newToken(), hosts = [], ...servers } = options;
  const { secret = randomBytes(32).toString("hex") } = servers;
  // They need each other: the plan is looked up in the database, and sets how much of the database a tenant may use.
  const resolver: PlanResolver = createPlanResolver({
    plans,
    lookup: (tenantId) => lookUpPlan(components.database, tenantId),
    timeoutMs: FAILOVER_MS,
  });
  const maxConcurrencyOf = maxConcurrencyByPlan(resolver);
  const components = await startComponents({ ...servers, secret, maxConcurrencyOf, onError }, teardown);
  const { limitStore, database, usage } = components;

  const crm = createCrmCache({ db: database.db, plans: resolver, store: components.cacheStore });
  teardown.defer(() => crm.cache.close());
  const flags = createCrmFlags({
    source: components.flagSource,
    plans: resolver,
    isRedisReady: redisReady(limitStore),
  });
  teardown.defer(() => flags.close());
  // Without an answer the flags have their defaults.
  await flags.ready();
  const shedder = createCrmShedder(resolver);
  teardown.defer(() => shedder.close());
  const hub = createCrmHub({ ...components, plans: resolver });
  teardown.defer(() => hub.close());
  const jobs = startCrmJobs({ database, limitStore, plans: resolver, hub, clock: systemClock, onError }, teardown);
  const rates = await startRates(teardown);
  const { router } = database;
  const sources = { plans, limitStore: limitStoreSource(limitStore), cache: crm.cache, router };
  const metrics = createMetrics({ ...sources, resilience: { rates, flags, shedder }, clock: systemClock });
  teardown.defer(() => metrics.stop());
  const health = createCrmHealth({ database, limitStore, crm, rates: rates.client });
  const counted = { store: limitStore.store, usage, plans: resolver };
  const parts = { ...counted, database, secret, crm, flags, rates, shedder, health, jobs, hub };
  const served = { adminToken, hosts: [...LOOPBACK_HOSTS, ...hosts] };
  const app = createApp({ ...parts, ...served, metrics, clock: systemClock, onError });
  const { server, url } = await startServer(app, port);
  health.drain.attach(server);
  // Requests in flight are finished first; the cleanups close what they stand on.
  teardown.defer(() => health.drain.start({ reason: "stop" }));
  // Streams have no end of their own, and would be waited for.
  teardown.defer(() => hub.drain({ deadline: "1s", spread: "5s" }));

  if (traffic !== false) {
    const tenantIds = seededTenants.map(({ id }) => id);
    const generator = startTraffic({ url, tenantIds, onError, ...traffic });
    teardown.defer(() => generator.stop());
  }
  return { url, components, adminToken, stop: () => teardown.run() };
}

const newToken = (): string => randomBytes(12).toString("hex");

async function startRates(teardown: Teardown): Promise<RatesParts> {
  const service = await startRatesService();
  teardown.defer(() => service.close());
  return { service, client: createRatesClient(service.url) };
}

function limitStoreSource(store: LimitStore): MetricsOptions["limitStore"] {
  if (store.is === "memory") return store;
  return { is: "redis", isReady: redisReady(store) };
}

/** The memory of this process is always ready. */
const redisReady = (store: LimitStore): (() => boolean) =>
  store.is === "memory" ? () => true : () => store.redis.status === "ready";
