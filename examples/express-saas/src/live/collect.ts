import type { Clock, Plan, Plans } from "@scale/core";
import { redisStall } from "@scale/core/redis";
import { type RequestDecided, requestDecide, storeFail } from "@scale/rate-limit";
import type { Decider } from "./data.js";
import { LATENCY_BUCKETS } from "./latency.js";
import { createQuotaBoard, type QuotaBoard } from "./quotas.js";
import { createRing, type Ring } from "./ring.js";
import { type Counter, createCounter, createTally, type Tally } from "./tally.js";

/** What was counted, in memory that has an upper bound. */
export interface Collected {
  readonly all: Tally;
  readonly plans: ReadonlyMap<string, { readonly plan: Plan; readonly tally: Tally }>;
  readonly tenants: ReadonlyMap<string, { readonly plan: string; readonly tally: Tally }>;
  /** What each rule denied. */
  readonly rules: ReadonlyMap<string, Counter>;
  readonly decidedBy: Readonly<Record<Decider, Counter>>;
  readonly storeFailures: Counter;
  readonly quotas: QuotaBoard;
  readonly errors: Counter;
  /** A column for each bucket. */
  readonly latencies: Ring;
  /** Whether Redis does not answer in time. */
  isStalled(): boolean;
  /** Ends the counting. */
  end(): void;
}

/** Tenants that have counters of their own. Further ones are in the sums alone. */
const MAX_TENANTS = 1000;

/** Counts what the packages publish on their channels. */
export function collect(plans: Plans, clock: Clock): Collected {
  const all = createTally(clock);
  const counter = (): Counter => createCounter(clock);
  const decidedBy = {
    ...{ store: counter(), lease: counter(), "denial-cache": counter() },
    ...{ local: counter(), policy: counter() },
  } satisfies Record<Decider, Counter>;
  const quotas = createQuotaBoard(plans, clock);
  const storeFailures = counter();
  const byPlan = planTallies(plans, clock);
  const rules = ruleCounters(plans, clock);
  const tenants = new Map<string, { plan: string; tally: Tally }>();
  // Limits and usage each find out by themselves.
  let stalled = 0;

  function decided({ tenantId, group, decision }: RequestDecided): void {
    const { allowed, plan } = decision;
    decidedBy[decision.decidedBy].add();
    for (const rule of decision.violated) rules.get(rule)?.add();
    // A request that a group decides about was counted when the plan's own rules had admitted it.
    if (group !== undefined) return;
    all.add(allowed);
    byPlan.get(plan)?.tally.add(allowed);
    const known = tenants.get(tenantId);
    if (known === undefined && tenants.size >= MAX_TENANTS) return;
    const tally = known?.tally ?? createTally(clock);
    tenants.set(tenantId, { plan, tally });
    tally.add(allowed);
  }

  const subscriptions = [
    requestDecide.subscribe(decided),
    storeFail.subscribe(() => storeFailures.add()),
    redisStall.subscribe((stall) => {
      stalled += stall.stalled ? 1 : -1;
    }),
  ];
  return {
    ...{ all, plans: byPlan, tenants, rules, decidedBy, storeFailures, quotas },
    errors: counter(),
    latencies: createRing(LATENCY_BUCKETS, clock),
    isStalled: () => stalled > 0,
    end() {
      quotas.end();
      for (const end of subscriptions) end();
    },
  };
}

function planTallies(plans: Plans, clock: Clock): Collected["plans"] {
  return new Map(plans.names.map((name) => [name, { plan: plans.resolve(name), tally: createTally(clock) }]));
}

/** Those of groups with the group's name before theirs, as decisions have them. */
function ruleCounters(plans: Plans, clock: Clock): Collected["rules"] {
  const names = plans.names.flatMap((plan) => {
    const { rules = [], groups = {} } = plans.resolve(plan).rateLimit ?? {};
    const ofGroups = Object.entries(groups).flatMap(([group, list]) => list.map(({ name }) => `${group}.${name}`));
    return [...rules.map(({ name }) => name), ...ofGroups];
  });
  return new Map(names.map((name) => [name, createCounter(clock)]));
}
