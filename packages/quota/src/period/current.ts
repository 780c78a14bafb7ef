import { type Clock, ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { CountedBy } from "../plan/count-name.js";
import type { Period, Subscription, UsageMetric } from "../types.js";
import { periodAt } from "./period.js";

/**
 * Finds billing periods of a usage metric, from the tenant's subscription.
 * @returns `current`: the period that is running now; `previous`: the one before it, `undefined` for a metric that never
 * starts again from 0
 */
export function createPeriodLookup({
  usageMetrics,
  subscription,
  clock,
}: {
  readonly usageMetrics: ReadonlyMap<string, UsageMetric<CountedBy>>;
  readonly subscription: ((tenantId: string) => Subscription | Promise<Subscription>) | undefined;
  readonly clock: Clock;
}): {
  current(tenantId: string, metric: string): Promise<Period>;
  previous(tenantId: string, metric: string): Promise<Period | undefined>;
} {
  const perOf = (metric: string): UsageMetric["per"] => usageMetrics.get(metric)?.per ?? "forever";

  async function subscriptionOf(tenantId: string): Promise<Subscription> {
    const found: unknown = await subscription?.(tenantId);
    if (isSubscription(found)) return found;
    // A default anchor would bill the tenant in periods that its contract does not have.
    throw new ConfigError(
      `subscription: expected { anchor, timeZone } for tenant ${describeValue(tenantId)}, got ${describeValue(found)}`,
    );
  }

  return {
    async current(tenantId, metric) {
      const per = perOf(metric);
      // `forever` has no boundaries: any anchor makes the same period.
      return periodAt(per === "forever" ? { anchor: 0 } : await subscriptionOf(tenantId), per, clock.now());
    },
    async previous(tenantId, metric) {
      const per = perOf(metric);
      if (per === "forever") return undefined;
      const found = await subscriptionOf(tenantId);
      return periodAt(found, per, periodAt(found, per, clock.now()).startsAt - 1);
    },
  };
}

const isSubscription = (value: unknown): value is Subscription =>
  typeof value === "object" && value !== null && "anchor" in value;
