import type { RateLimitRule } from "@scale/core";
import { parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { createStoreClient } from "../decide/store-client.js";
import { storeFail } from "../events.js";
import { nameOption, storeOption } from "../options.js";
import type { Charge, ConsumeResult, RateLimitStore, RuleStatus } from "../types.js";

/** Options of the adapters that keep another library's counts in a store of this package. */
export interface HitCounterOptions {
  readonly store: RateLimitStore;
  /** Name of the counter, part of every key. Counters that share a store need different names. */
  readonly name: string;
  /**
   * Deadline of a call to the store in milliseconds, for stores that have none of their own.
   * @default 50
   */
  readonly timeoutMs?: number;
}

/** Counts hits in a store, for libraries that decide by themselves. Every method throws `StoreError`. */
export interface HitCounter {
  /** A hit that the store counts after its deadline stays counted. */
  consume(key: string, rule: RateLimitRule, cost: number): Promise<ConsumeResult>;
  /** Returns units of the window of `consumed`, as far as they still count. A late answer changes nothing: none is repeated. */
  refund(key: string, rule: RateLimitRule, charge: { units: number; consumed: ConsumeResult }): Promise<void>;
  /** A late answer changes nothing: the hits that are counted by then are deleted. */
  reset(key: string, rule: RateLimitRule): Promise<void>;
}

const optionsSchema = z.strictObject({
  store: storeOption,
  name: nameOption,
  timeoutMs: timeoutOption(50),
});

/** @param caller the public function, for error messages */
export function createHitCounter(options: HitCounterOptions, caller: string): HitCounter {
  const { store, name, timeoutMs } = parseOptions(optionsSchema, options, caller);
  const client = createStoreClient({ store, timeoutMs });
  const charged = (key: string, rule: RateLimitRule): { tenantId: string; charges: Charge[] } => ({
    tenantId: key,
    charges: [{ rule, scope: [name, rule.name], subject: key }],
  });

  async function reported<T>(key: string, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      storeFail.publish(() => ({ limiter: name, tenantId: key, error: error instanceof Error ? error.cause : error }));
      throw error;
    }
  }

  return {
    consume: (key, rule, cost) => reported(key, client.consumeChecked({ ...charged(key, rule), cost })),
    refund: (key, rule, charge) => reported(key, client.refund({ ...charged(key, rule), ...charge })),
    reset: (key, rule) => reported(key, client.reset(charged(key, rule))),
  };
}

/** The status of a request with one rule. */
export const statusOf = ({ statuses }: ConsumeResult): RuleStatus => statuses[0] as RuleStatus;

/** A limit above any real number of hits in a window, and small enough for every store to count exactly. */
export const UNREACHABLE_LIMIT = 1_000_000_000;

const LONGEST_MS = 400 * 86_400_000;

/**
 * The rule of a counter. Names contain a character that no rule of a limiter has, so the two never share a count.
 * @param what names the window in the error
 * @throws {RangeError} for a window that no store can keep
 */
export function hitRule(
  rule: Pick<RateLimitRule, "name" | "algorithm" | "limit" | "windowMs">,
  what = "window",
): RateLimitRule {
  if (!(rule.windowMs >= 1 && rule.windowMs <= LONGEST_MS)) {
    throw new RangeError(`${what}: expected 1 ms to 400 days, got ${rule.windowMs} ms`);
  }
  return { ...rule, by: "tenant", burst: rule.limit, shadow: false, leaseMs: 0, whenStoreFails: undefined };
}
