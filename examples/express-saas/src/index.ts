import { randomBytes } from "node:crypto";
import { createPlanResolver, type PlanResolver, systemClock } from "@scale/core";
import { createApp } from "./app.js";
import { createCrmCache } from "./cache.js";
import { type Components, type LimitStore, startComponents } from "./components.js";
import { FAILOVER_MS, type PoolSize } from "./db/client.js";
import { maxConcurrencyByPlan } from "./db/max-concurrency.js";
import { lookUpPlan } from "./db/look-up-plan.js";
import { seededTenants } from "./db/seed.js";
import { createMetrics, type MetricsOptions } from "./live/metrics.js";
import { plans } from "./scale.plan.js";
import { startServer } from "./server.js";
import { createTeardown, type Teardown } from "./teardown.js";
import { startTraffic } from "./traffic/traffic.js";

export type { Components, LimitStore, DatabaseComponent } from "./components.js";

export interface ExampleOptions {
  /** @default an embedded Postgres with two replicas */
  readonly databaseUrl?: string;
  /** Of the replicas of `databaseUrl`. @default [] */
  readonly replicaUrls?: readonly string[];
  /** Connections to each server of the database. @default what a laptop needs */
  readonly pools?: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** @default an embedded Redis, or the memory of this process when the machine has none */
  readonly redisUrl?: string;
  /** @default 0, any free one */
  readonly port?: number;
  /** Requests that the example sends to itself. @default 150 per second */
  readonly traffic?: false | { readonly requestsPerSecond: number };
  /** Signs what clients bring back: cursors, and what they have written. @default random bytes: it is this process's alone */
  readonly secret?: string;
  /** Of who may see the quotas of any tenant. @default a random one */
  readonly adminToken?: string;
  /** Gets every error that is not a client's. @default none does */
  readonly onError?: (error: unknown) => void;
}

export interface Example {
  /** On loopback, without a slash at the end. */
  readonly url: string;
  readonly components: Components;
  readonly adminToken: string;
  /** Ends the traffic, finishes the requests under way and stops what was started. May be called twice. */
  stop(): Promise<void>;
}

const TRAFFIC = { requestsPerSecond: 150 };
const GRACE_MS = 5000;

/** Starts the whole example. When a part cannot start, those that have are stopped again. */
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
  const { port = 0, traffic = TRAFFIC, onError = () => {}, adminToken = newToken(), ...servers } = options;
  const { secret = randomBytes(32).toString("hex") } = servers;
  // Each needs the other: a plan is looked up in the database, and says how much of that a tenant may use.
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
  const { router } = database;
  const sources = { plans, limitStore: limitStoreSource(limitStore), cache: crm.cache, router };
  const metrics = createMetrics({ ...sources, clock: systemClock });
  teardown.defer(() => metrics.stop());
  const parts = { database, store: limitStore.store, usage, plans: resolver, secret, crm };
  const app = createApp({ ...parts, adminToken, metrics, clock: systemClock, onError });
  const server = await startServer(app, port);
  teardown.defer(() => server.close(GRACE_MS));

  if (traffic !== false) {
    const tenantIds = seededTenants.map(({ id }) => id);
    const generator = startTraffic({ url: server.url, tenantIds, onError, ...traffic });
    teardown.defer(() => generator.stop());
  }
  return { url: server.url, components, adminToken, stop: () => teardown.run() };
}

const newToken = (): string => randomBytes(12).toString("hex");

function limitStoreSource(store: LimitStore): MetricsOptions["limitStore"] {
  if (store.is === "memory") return store;
  return { is: "redis", isReady: () => store.redis.status === "ready" };
}
