import { type PlanResolver, systemClock } from "@scale/core";
import type { Dashboard } from "@scale/dashboard";
import { createMetrics, type Metrics } from "@scale/metrics";
import { metricsSource } from "@scale/metrics/dashboard";
import { createBreakIt } from "../break-it/actions.js";
import type { Components, LimitStore } from "../components.js";
import { type Product, redisReady } from "../product.js";
import { plans } from "../scale.plan.js";
import type { Teardown } from "../teardown.js";
import { createRequestComparison, type RequestComparison } from "../traffic/comparison.js";
import type { Traffic } from "../traffic/traffic.js";
import { createLiveDashboard } from "./live-dashboard.js";
import { createLiveFacts, type LiveFacts, type LiveFactsOptions } from "./live-facts.js";
import { createOperatorLogin, type OperatorLogin } from "./operator-login.js";
import { createTenantDetails } from "./tenant-details.js";

export interface LiveOptions {
  readonly components: Components;
  readonly product: Product;
  readonly resolver: PlanResolver;
  readonly adminToken: string;
  readonly traffic: (() => Traffic) | undefined;
}

/** The state of the process: metrics, facts of the product, and the live page of both. */
export interface Live {
  readonly metrics: Metrics;
  readonly facts: LiveFacts;
  readonly comparison: RequestComparison;
  readonly dashboard: Dashboard;
  readonly login: OperatorLogin;
}

export function startLive(options: LiveOptions, teardown: Teardown): Live {
  const { components, product, resolver, adminToken, traffic } = options;
  const { database, limitStore } = components;
  const { crm, quota, flags, shedder, rates, health, jobs } = product;
  const metrics = createMetrics();
  teardown.defer(() => metrics.close());
  metrics.watch.router(database.router);
  metrics.watch.cache("crm", crm.cache);
  const facts = createLiveFacts({
    ...{ plans, limitStore: limitStoreSource(limitStore), cache: crm.cache, router: database.router },
    ...{ resilience: { rates, flags, shedder }, jobs: jobs.state, clock: systemClock },
  });
  teardown.defer(() => facts.stop());
  const source = metricsSource(metrics, {
    planOf: knownPlan(resolver),
    tenantDetails: createTenantDetails({ plans: resolver, quota, cache: crm.cache, facts: facts.read }),
  });
  teardown.defer(() => source.close());
  const breakIt = createBreakIt({ database, limitStore, cache: crm.cache, rates, jobs, plans: resolver, traffic });
  const comparison = createRequestComparison("the packages off", systemClock);
  const login = createOperatorLogin(adminToken);
  const dashboard = createLiveDashboard({
    ...{ source, facts: facts.read, breakIt, health, isOperator: login.isOperator },
    comparison: traffic && comparison,
  });
  teardown.defer(async () => {
    dashboard.close();
    await breakIt.idle();
  });
  return { metrics, facts, comparison, dashboard, login };
}

/** The plan of a tenant that was looked up already. */
const knownPlan =
  (resolver: PlanResolver) =>
  (tenantId: string): string | undefined => {
    const plan = resolver.resolve(tenantId);
    if (!("then" in plan)) return plan.name;
    // The request that needs the plan reports the error.
    plan.catch(() => undefined);
    return undefined;
  };

function limitStoreSource(store: LimitStore): LiveFactsOptions["limitStore"] {
  if (store.is === "memory") return store;
  return { is: "redis", isReady: redisReady(store) };
}
