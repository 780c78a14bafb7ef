import {
  createPlanResolver,
  definePlans,
  type EventChannel,
  hard,
  type PlanResolver,
  type Plans,
  soft,
  unlimited,
} from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { onTestFinished } from "vitest";
import {
  createQuota,
  memoryUsage,
  type Quota,
  type QuotaOptions,
  usage,
  type UsageMetric,
  type UsageStore,
} from "../src/index.js";

export const metrics: Readonly<Record<"tokens" | "calls" | "mails", UsageMetric>> = {
  tokens: usage({ per: "month" }),
  calls: usage({ per: "day" }),
  mails: usage({ per: "forever" }),
};

export const plans: Plans = definePlans({
  free: { quota: { tokens: hard(1000), calls: soft(10, { overage: 0.5 }), mails: hard(5) } },
  pro: { quota: { tokens: hard(5000), calls: soft(100), mails: hard(50) } },
  max: { quota: { tokens: unlimited(), calls: unlimited(), mails: unlimited() } },
});

/** The first part of a tenant id is its plan: `free-1`. */
export const resolver = (): PlanResolver => createPlanResolver({ plans, lookup: (tenantId) => tenantId.split("-")[0] });

/** 20 November 2026, 12:00 UTC. */
const NOW = Date.UTC(2026, 10, 20, 12);

/** 31 January: the period of November ends on its last day. */
export const ANCHOR: number = Date.UTC(2026, 0, 31, 9);

export interface UsageFixture {
  readonly clock: ManualClock;
  readonly store: UsageStore;
  readonly quota: Quota<typeof metrics, never>;
  /** Error of every call to the store, from when it is set. */
  failure: Error | undefined;
}

/** A quota on a store in memory that a test can make fail. */
export function openUsage(whenUsageFails: QuotaOptions<typeof metrics, never>["whenUsageFails"] = {}): UsageFixture {
  const clock = createManualClock(NOW);
  const store = memoryUsage({ clock });
  const failing = { ...store };
  const subscription = (): { anchor: number } => ({ anchor: ANCHOR });
  const quota = createQuota({ metrics, plans: resolver(), usage: failing, subscription, clock, whenUsageFails });
  const fixture: UsageFixture = { clock, store, quota, failure: undefined };
  for (const name of ["reserve", "consume", "commit", "release", "cancel", "credit", "read"] as const) {
    const call = store[name] as (input: never) => Promise<never>;
    failing[name] = async (input: never): Promise<never> => {
      if (fixture.failure !== undefined) throw fixture.failure;
      return call(input);
    };
  }
  return fixture;
}

/** Messages that are published until the test ends. */
export function collect<T>(event: EventChannel<T>): T[] {
  const messages: T[] = [];
  onTestFinished(event.subscribe((message) => messages.push(message)));
  return messages;
}
