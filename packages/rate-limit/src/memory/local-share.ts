import { type RateLimitRule, systemClock } from "@scale/core";
import { createTable, type Table } from "./counters.js";
import type { Charge, ConsumeRequest, ConsumeResult } from "../types.js";

const MAX_KEYS = 100_000;

/** This instance's share of every limit, for when the store cannot answer. */
export interface LocalShare {
  take(take: ConsumeRequest): ConsumeResult;
  /** Tells the share what the store admitted here. Without it each outage would start with a full allowance. */
  record(take: ConsumeRequest): void;
  release: Table["release"];
}

/** Each of `instances` processes admits an equal part of each limit, and at least one unit per window. */
export function localShare(instances: number): LocalShare {
  const table = createTable({ clock: systemClock, maxKeys: MAX_KEYS });
  const shares = new WeakMap<RateLimitRule, RateLimitRule>();

  function shareOf(rule: RateLimitRule): RateLimitRule {
    const known = shares.get(rule);
    if (known !== undefined) return known;
    // A bucket leaks parts of units; what counts in windows or slots counts whole ones.
    const part = rule.limit / instances;
    const share = {
      ...rule,
      limit: Math.max(1, rule.algorithm === "gcra" ? part : Math.floor(part)),
      burst: Math.max(1, Math.floor(rule.burst / instances)),
    };
    shares.set(rule, share);
    return share;
  }

  const ofShare = <T extends { readonly charges: readonly Charge[] }>(question: T): T => ({
    ...question,
    charges: question.charges.map((charge): Charge => ({ ...charge, rule: shareOf(charge.rule), want: 0 })),
  });

  return {
    take: (take) => table.take(ofShare(take)),
    record: (take) => table.charge(ofShare(take)),
    release: (held) => table.release(ofShare(held)),
  };
}
