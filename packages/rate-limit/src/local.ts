import { systemClock, type RateLimitRule } from "@scale/core";
import { createTable } from "./table.js";
import type { Charge, Take, Taken } from "./types.js";

const MAX_KEYS = 100_000;

/** This instance's share of every limit, for when the store cannot answer. */
export interface LocalShare {
  take(take: Take): Taken;
  /** Tells the share what the store admitted here. Without it each outage would start with a full allowance. */
  record(take: Take): void;
}

/** Each of `instances` processes admits an equal part of each limit, and at least one unit per window. */
export function localShare(instances: number): LocalShare {
  const table = createTable({ clock: systemClock, maxKeys: MAX_KEYS });
  const shares = new WeakMap<RateLimitRule, RateLimitRule>();

  function shareOf(rule: RateLimitRule): RateLimitRule {
    const known = shares.get(rule);
    if (known !== undefined) return known;
    const share = {
      ...rule,
      limit: Math.max(1, rule.limit / instances),
      burst: Math.max(1, Math.floor(rule.burst / instances)),
    };
    shares.set(rule, share);
    return share;
  }

  const ofShare = (take: Take): Take => ({
    ...take,
    charges: take.charges.map((charge): Charge => ({ ...charge, rule: shareOf(charge.rule) })),
  });

  return {
    take: (take) => table.take(ofShare(take)),
    record: (take) => table.charge(ofShare(take)),
  };
}
