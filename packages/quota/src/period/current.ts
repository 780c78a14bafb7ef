import { type Clock, ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Period, Subscription, UsageMetric } from "../types.js";
import { periodAt } from "./period.js";

/** Finds the billing period of a usage metric that is running now, from the tenant's subscription. */
export function createPeriodLookup({
  usageMetrics,
  subscription,
  clock,
}: {
  readonly usageMetrics: ReadonlyMap<string, UsageMetric>;
  readonly subscription: ((tenantId: string) => Subscription | Promise<Subscription>) | undefined;
  readonly clock: Clock;
}): (tenantId: string, metric: string) => Promise<Period> {
  return async (tenantId, metric) => {
    const per = usageMetrics.get(metric)?.per ?? "forever";
    // `forever` has no boundaries: any anchor makes the same period.
    if (per === "forever") return periodAt({ anchor: 0 }, per, clock.now());
    const found: unknown = await subscription?.(tenantId);
    // A default anchor would bill the tenant in periods that its contract does not have.
    if (!isSubscription(found)) {
      throw new ConfigError(
        `subscription: expected { anchor, timeZone } for tenant ${describeValue(tenantId)}, got ${describeValue(found)}`,
      );
    }
    return periodAt(found, per, clock.now());
  };
}

const isSubscription = (value: unknown): value is Subscription =>
  typeof value === "object" && value !== null && "anchor" in value;
