import type { Clock, Plan, Plans } from "@scale/core";
import { type Collected, collect } from "./collect.js";
import type { CounterState, LiveData, PlanRow } from "./data.js";
import { latencyBucket, latencyOf, sumLatencies } from "./latency.js";

export interface MetricsOptions {
  readonly plans: Plans;
  /** Where limits are counted; for Redis, whether its client is connected. */
  readonly counters: { readonly is: "redis"; isReady(): boolean } | { readonly is: "memory"; readonly reason: string };
  readonly clock: Clock;
}

/** What happened in this process, for the page. It listens to what the packages publish, and asks nobody. */
export interface Metrics {
  /** Tells of a response that the app has sent. */
  responded(response: { status: number; durationMs: number }): void;
  read(): LiveData;
  /** Stops listening. */
  stop(): void;
}

const SHOWN_TENANTS = 20;
const RATE_SECONDS = 10;

export function createMetrics({ plans, counters, clock }: MetricsOptions): Metrics {
  const startedAt = clock.monotonic();
  const collected = collect(plans, clock);

  function counterState(): CounterState {
    if (counters.is === "memory") return { is: "memory", reason: counters.reason };
    if (!counters.isReady()) return { is: "redis", state: "disconnected" };
    return { is: "redis", state: collected.isStalled() ? "stalled" : "connected" };
  }

  return {
    responded({ status, durationMs }) {
      collected.latencies.count(latencyBucket(durationMs));
      if (status >= 500) collected.errors.add();
    },
    read: () => ({
      counters: counterState(),
      ...rates(collected, (clock.monotonic() - startedAt) / 1000),
      ...tables(collected),
    }),
    stop: () => collected.end(),
  };
}

function rates({ all, errors, latencies }: Collected, uptimeSeconds: number): Rates {
  const rows = latencies.rows();
  const decisions = all.seconds();
  const recent = sumLatencies(rows.slice(-1 - RATE_SECONDS, -1)).reduce((sum, count) => sum + count, 0);
  return {
    uptimeSeconds,
    requestsPerSecond: recent / Math.min(Math.max(uptimeSeconds, 1), RATE_SECONDS),
    decisions: all.read(),
    errors: errors.read(),
    latency: latencyOf(sumLatencies(rows)),
    seconds: rows.map((row, i) => ({ admitted: 0, denied: 0, ...decisions[i], ...latencyOf(row) })).slice(0, -1),
  };
}

function tables({ plans, tenants, rules, decidedBy, storeFailures }: Collected): Tables {
  const tenantRows = [...tenants].map(([tenantId, { plan, tally }]) => ({ tenantId, plan, ...tally.read() }));
  return {
    plans: [...plans.values()].map(({ plan, tally }) => ({
      plan: plan.name,
      limits: tenantLimits(plan),
      ...tally.read(),
    })),
    tenants: tenantRows.sort((a, b) => b.admitted + b.denied - a.admitted - a.denied).slice(0, SHOWN_TENANTS),
    rules: [...rules].map(([rule, denied]) => ({ rule, denied: denied.read() })),
    decidedBy: (["store", "local", "policy"] as const).map((by) => ({ by, decisions: decidedBy[by].read() })),
    storeFailures: storeFailures.read(),
  };
}

function tenantLimits({ rateLimit }: Plan): PlanRow["limits"] {
  const rules = rateLimit?.rules.filter(({ by }) => by === "tenant") ?? [];
  return rules.map(({ limit, windowMs }) => ({ limit, windowMs }));
}

type Tables = Pick<LiveData, "plans" | "tenants" | "rules" | "decidedBy" | "storeFailures">;
type Rates = Omit<LiveData, "counters" | keyof Tables>;
