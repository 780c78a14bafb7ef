import type { Clock, Plan, Plans } from "@scale/core";
import { redisStall } from "@scale/core/redis";
import { type RequestDecided, requestDecide, storeFail } from "@scale/rate-limit";
import type { Decider } from "./data.js";
import { LATENCY_BUCKETS } from "./latency.js";
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
  const decidedBy = { store: counter(), local: counter(), policy: counter() };
  const storeFailures = counter();
  const byPlan = planTallies(plans, clock);
  const rules = ruleCounters(plans, clock);
  const tenants = new Map<string, { plan: string; tally: Tally }>();
  let stalled = false;

  function decided({ tenantId, decision }: RequestDecided): void {
    const { allowed, plan } = decision;
    all.add(allowed);
    decidedBy[decision.decidedBy].add();
    for (const rule of decision.violated) rules.get(rule)?.add();
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
      stalled = stall.stalled;
    }),
  ];
  return {
    ...{ all, plans: byPlan, tenants, rules, decidedBy, storeFailures },
    errors: counter(),
    latencies: createRing(LATENCY_BUCKETS, clock),
    isStalled: () => stalled,
    end: () => subscriptions.forEach((end) => end()),
  };
}

function planTallies(plans: Plans, clock: Clock): Collected["plans"] {
  return new Map(plans.names.map((name) => [name, { plan: plans.resolve(name), tally: createTally(clock) }]));
}

function ruleCounters(plans: Plans, clock: Clock): Collected["rules"] {
  const rules = plans.names.flatMap((name) => plans.resolve(name).rateLimit?.rules ?? []);
  return new Map(rules.map(({ name }) => [name, createCounter(clock)]));
}
