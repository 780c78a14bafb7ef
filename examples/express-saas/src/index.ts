import { randomBytes } from "node:crypto";
import { createPlanResolver, type PlanResolver, systemClock } from "@scale/core";
import { createApp } from "./app.js";
import { type Components, startComponents } from "./components.js";
import { startComparison } from "./control/start-comparison.js";
import { FAILOVER_MS, type PoolSize } from "./db/client.js";
import { maxConcurrencyByPlan } from "./db/max-concurrency.js";
import { lookUpPlan } from "./db/look-up-plan.js";
import { seededTenants } from "./db/seed.js";
import { LOOPBACK_HOSTS } from "./guards/hosts.js";
import type { LiveData } from "./live/live-data.js";
import { startLive } from "./live/start-live.js";
import { startProduct } from "./product.js";
import { plans } from "./scale.plan.js";
import { startServer } from "./server.js";
import { createTeardown, type Teardown } from "./teardown.js";
import { startTraffic, type Traffic } from "./traffic/traffic.js";

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
  /** Built `control/main.ts`: the app without the packages. @default the one of this build, if there is one */
  readonly control?: string;
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
  /** Facts of this product in the tabs of the live page. */
  facts(): LiveData;
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
  const product = await startProduct(components, { plans: resolver, onError }, teardown);
  const live = startLive(
    { components, product, resolver, adminToken, traffic: traffic === false ? undefined : () => generator() },
    teardown,
  );
  const { limitStore, database } = components;
  const parts = {
    ...product,
    database,
    store: limitStore.store,
    plans: resolver,
    secret,
    adminToken,
    hosts: [...LOOPBACK_HOSTS, ...hosts],
    clock: systemClock,
  };
  const app = createApp({ ...parts, ...live, onError });
  const { server, url } = await startServer(app, port);
  const { drain } = product.health;
  drain.attach(server);
  // Requests in flight are finished first; the cleanups close what they stand on.
  teardown.defer(() => drain.start({ reason: "stop" }));
  // Streams have no end of their own, and would be waited for.
  teardown.defer(() => product.hub.drain({ deadline: "1s", spread: "5s" }));

  let running: Traffic | undefined;
  function generator(): Traffic {
    if (running === undefined) throw new Error("the traffic has not started");
    return running;
  }
  if (traffic !== false) {
    const comparison = await startComparison(
      { components, rates: product.rates, live, program: options.control },
      teardown,
    );
    running = startTraffic({ url, tenants: seededTenants, onError, ...traffic, ...comparison });
    teardown.defer(() => running?.stop());
  }
  return { url, components, adminToken, facts: live.facts.read, stop: () => teardown.run() };
}

const newToken = (): string => randomBytes(12).toString("hex");
