import type { Cache, WarmReport } from "@scale/cache";
import type { Clock, Plan, Plans, RateLimitRule } from "@scale/core";
import type { Router } from "@scale/db-router";
import type { QuotaUpdate } from "../quota.js";
import { createCacheMetrics } from "./cache-metrics.js";
import { createDatabaseMetrics } from "./database-metrics.js";
import { type LimitMetrics, createLimitMetrics } from "./limit-metrics.js";
import type { JobsFacts, LimitStoreState, Decider, LiveData, PlanRow, ShownLimit } from "./live-data.js";
import { createResilienceMetrics, type ResilienceSources } from "./resilience-metrics.js";

export interface LiveFactsOptions {
  readonly plans: Plans;
  /** Store of the rate limits; for Redis, whether its client is connected. */
  readonly limitStore:
    | { readonly is: "redis"; isReady(): boolean }
    | { readonly is: "memory"; readonly reason: string };
  readonly cache: Pick<Cache, "tenant" | "stats" | "health">;
  readonly router: Pick<Router, "name" | "health">;
  readonly resilience: ResilienceSources;
  /** State of the jobs; `undefined` without a queue. */
  readonly jobs?: (() => JobsFacts) | undefined;
  readonly clock: Clock;
}

/**
 * Facts of this product for the tabs of the live page: its plans, quotas, cache shares and connection limits, collected from the
 * events of the packages without extra I/O. Requests and latencies come from `@scale/metrics`.
 */
export interface LiveFacts {
  /** Records the status of a response of the app. */
  recordResponse(status: number): void;
  /** Records the usage of a tenant after a change. */
  readonly recordQuota: (count: QuotaUpdate) => void;
  /** Records values that were loaded by warming. */
  readonly recordWarming: (report: Pick<WarmReport, "loaded">) => void;
  read(): LiveData;
  /** Unsubscribes. */
  stop(): void;
}

const SHOWN_TENANTS = 20;
/** In the order of the live page. */
const DECIDERS: readonly Decider[] = ["store", "lease", "denial-cache", "local", "policy", "unlimited"];

export function createLiveFacts(options: LiveFactsOptions): LiveFacts {
  const { plans, limitStore, cache, router, clock } = options;
  const limits = createLimitMetrics(plans, clock);
  const { tenants } = limits;
  const caches = createCacheMetrics({ cache, plans, tenants, clock });
  const database = createDatabaseMetrics({ router, plans, tenants, clock });
  const resilience = createResilienceMetrics(options.resilience, clock);

  function limitStoreState(): LimitStoreState {
    if (limitStore.is === "memory") return { is: "memory", reason: limitStore.reason };
    if (!limitStore.isReady()) return { is: "redis", state: "disconnected" };
    return { is: "redis", state: limits.isStalled() ? "stalled" : "connected" };
  }

  return {
    recordResponse(status) {
      if (status >= 500) limits.errors.add();
      caches.sampleIfDue();
      resilience.sample();
    },
    recordQuota: limits.quotas.record,
    recordWarming: caches.recordWarming,
    read: () => ({
      limitStore: limitStoreState(),
      decisions: limits.all.read(),
      errors: limits.errors.read(),
      ...tables(limits),
      resilience: resilience.read(),
      database: database.read(),
      cache: caches.read(),
      ...(options.jobs !== undefined && { jobs: options.jobs() }),
    }),
    stop() {
      limits.stop();
      caches.stop();
      database.stop();
      resilience.stop();
    },
  };
}

function tables({ plans, tenants, rules, decidedBy, storeFailures, quotas }: LimitMetrics): Tables {
  const tenantRows = [...tenants].map(([tenantId, { plan, tally }]) => ({ tenantId, plan, ...tally.read() }));
  return {
    plans: [...plans.values()].map(({ plan, tally }) => ({
      plan: plan.name,
      ...shownLimits(plan),
      ...tally.read(),
    })),
    tenants: tenantRows.sort((a, b) => b.admitted + b.denied - a.admitted - a.denied).slice(0, SHOWN_TENANTS),
    rules: [...rules].map(([rule, denied]) => ({ rule, denied: denied.read() })),
    decidedBy: DECIDERS.map((by) => ({ by, decisions: decidedBy[by].read() })),
    storeFailures: storeFailures.read(),
    quotas: quotas.read(),
  };
}

function shownLimits({ rateLimit }: Plan): Pick<PlanRow, "limits" | "groups"> {
  const { rules = [], groups = {} } = rateLimit ?? {};
  return {
    limits: rules.filter(({ by }) => by === "tenant").map(shownLimit),
    groups: Object.entries(groups).map(([group, list]) => ({ group, limits: list.map(shownLimit) })),
  };
}

const shownLimit = ({ limit, windowMs, algorithm }: RateLimitRule): ShownLimit => {
  return { limit, windowMs: algorithm === "concurrency" ? null : windowMs };
};

type Tables = Pick<LiveData, "plans" | "tenants" | "rules" | "decidedBy" | "storeFailures" | "quotas">;
