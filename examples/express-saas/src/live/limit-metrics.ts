import type { Clock, Plan, Plans } from "@scale/core";
import { redisStall } from "@scale/core/redis";
import { requestDecide, storeFail } from "@scale/rate-limit";
import { ADDRESS_LIMITER } from "../guards/address-limit.js";
import type { Decider } from "./live-data.js";
import { createQuotaMetrics, type QuotaMetrics } from "./quota-metrics.js";
import { type Counter, createCounter, createDecisionCounter, type DecisionCounter } from "./counters.js";

/** Counters of the rate limits, in bounded memory. */
export interface LimitMetrics {
  readonly all: DecisionCounter;
  readonly plans: ReadonlyMap<string, { readonly plan: Plan; readonly tally: DecisionCounter }>;
  readonly tenants: ReadonlyMap<string, { readonly plan: string; readonly tally: DecisionCounter }>;
  /** Denied requests by rule. */
  readonly rules: ReadonlyMap<string, Counter>;
  readonly decidedBy: Readonly<Record<Decider, Counter>>;
  readonly storeFailures: Counter;
  readonly quotas: QuotaMetrics;
  readonly errors: Counter;
  /** True while Redis does not answer in time. */
  isStalled(): boolean;
  /** Unsubscribes. */
  stop(): void;
}

/** Maximum number of tenants with their own counters. Further tenants count in the sums only. */
const MAX_TENANTS = 1000;

/** Counts the events that the packages publish on their diagnostics channels. */
export function createLimitMetrics(plans: Plans, clock: Clock): LimitMetrics {
  const all = createDecisionCounter(clock);
  const counter = (): Counter => createCounter(clock);
  const decidedBy = {
    ...{ store: counter(), lease: counter(), "denial-cache": counter() },
    ...{ local: counter(), policy: counter(), unlimited: counter() },
  } satisfies Record<Decider, Counter>;
  const quotas = createQuotaMetrics(plans, clock);
  const storeFailures = counter();
  const byPlan = planTallies(plans, clock);
  const rules = ruleCounters(plans, clock);
  const tenants = new Map<string, { plan: string; tally: DecisionCounter }>();
  // The Redis lanes of limits, usage and cache detect a stall independently.
  let stalledLanes = 0;

  const stopDecisions = requestDecide.subscribe(({ limiter, tenantId, group, decision }) => {
    // It counts addresses, and its decisions are about no tenant.
    if (limiter === ADDRESS_LIMITER) return;
    const { allowed, plan } = decision;
    decidedBy[decision.decidedBy].add();
    for (const rule of decision.violated) rules.get(rule)?.add();
    // A request with a group decision was already counted when the rules of the plan admitted it.
    if (group !== undefined) return;
    all.add(allowed);
    byPlan.get(plan)?.tally.add(allowed);
    // A limit by address alone.
    if (tenantId === undefined) return;
    const known = tenants.get(tenantId);
    if (known === undefined && tenants.size >= MAX_TENANTS) return;
    const tally = known?.tally ?? createDecisionCounter(clock);
    tenants.set(tenantId, { plan, tally });
    tally.add(allowed);
  });

  const subscriptions = [
    stopDecisions,
    storeFail.subscribe(() => storeFailures.add()),
    redisStall.subscribe((stall) => {
      stalledLanes += stall.stalled ? 1 : -1;
    }),
  ];
  return {
    ...{ all, plans: byPlan, tenants, rules, decidedBy, storeFailures, quotas },
    errors: counter(),
    isStalled: () => stalledLanes > 0,
    stop() {
      quotas.stop();
      for (const end of subscriptions) end();
    },
  };
}

function planTallies(plans: Plans, clock: Clock): LimitMetrics["plans"] {
  return new Map(plans.names.map((name) => [name, { plan: plans.resolve(name), tally: createDecisionCounter(clock) }]));
}

/** Counters by rule name. Rules of groups are prefixed with the group name, as in decisions. */
function ruleCounters(plans: Plans, clock: Clock): LimitMetrics["rules"] {
  const names = plans.names.flatMap((plan) => {
    const { rules = [], groups = {} } = plans.resolve(plan).rateLimit ?? {};
    const ofGroups = Object.entries(groups).flatMap(([group, list]) => list.map(({ name }) => `${group}.${name}`));
    return [...rules.map(({ name }) => name), ...ofGroups];
  });
  return new Map(names.map((name) => [name, createCounter(clock)]));
}
