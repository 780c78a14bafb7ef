import { type RateLimitRule, systemClock } from "@scale/core";
import type { Charge, ConsumeRequest, ConsumeResult, HeldSlot } from "../types.js";
import { MemoryCounters } from "./counters.js";

const MAX_KEYS = 100_000;

/**
 * This process's share of every limit, for when the store cannot answer. Each of `instances` processes admits an equal part
 * of each limit, and at least one unit per window.
 * @returns `record` charges the share with a request that the store admitted here: otherwise each outage would start with a
 * full share
 */
export function localShare(instances: number): {
  consume(request: ConsumeRequest): ConsumeResult;
  record(request: ConsumeRequest): void;
  release(held: HeldSlot): void;
} {
  const counters = new MemoryCounters({ clock: systemClock, maxKeys: MAX_KEYS });
  const shares = new WeakMap<RateLimitRule, RateLimitRule>();

  function shareOf(rule: RateLimitRule): RateLimitRule {
    const known = shares.get(rule);
    if (known !== undefined) return known;
    // A bucket leaks fractions of units. Windows and slots count whole units.
    const part = rule.limit / instances;
    const share = {
      ...rule,
      limit: Math.max(1, rule.algorithm === "gcra" ? part : Math.floor(part)),
      burst: Math.max(1, Math.floor(rule.burst / instances)),
      // A share is denied sooner than the limit, and its denials must not begin a block that outlasts the outage.
      block: undefined,
    };
    shares.set(rule, share);
    return share;
  }

  const shared = <T extends { readonly charges: readonly Charge[] }>(request: T): T => ({
    ...request,
    charges: request.charges.map((charge): Charge => ({ ...charge, rule: shareOf(charge.rule), want: 0 })),
  });

  return {
    consume: (request) => counters.consume(shared(request)),
    record: (request) => counters.chargeUpToLimit(shared(request)),
    release: (held) => counters.release(shared(held)),
  };
}
