import { type RateLimitRule, StoreError } from "@scale/core";
import { createDeadline, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { storeFail } from "../events.js";
import { nameSchema, storeSchema } from "../store-options.js";
import type { Charge, RateLimitStore, RuleStatus, ConsumeResult } from "../types.js";

/** What an adapter of a counter to our stores needs. */
export interface HitsOptions {
  readonly store: RateLimitStore;
  /** Part of every key. Counters that share a store need different names. */
  readonly name: string;
  /**
   * Milliseconds that a store may take, for stores that have no deadline of their own.
   * @default 50
   */
  readonly timeoutMs?: number;
}

/** Counts of one name in a store, for libraries that decide by themselves. */
export interface Hits {
  /** @throws {StoreError} when the store cannot answer */
  take(key: string, rule: RateLimitRule, cost: number): Promise<Counted>;
  /** Gives one hit of a window back that still counts. */
  give(key: string, rule: RateLimitRule, taken: ConsumeResult): Promise<void>;
  reset(key: string, rule: RateLimitRule): Promise<void>;
}

export interface Counted {
  readonly taken: ConsumeResult;
  readonly standing: RuleStatus;
}

const optionsSchema = z.strictObject({
  store: storeSchema,
  name: nameSchema,
  timeoutMs: timeoutOption(50),
});

/** @param what the public function, for errors */
export function createHits(options: HitsOptions, what: string): Hits {
  const { store, name, timeoutMs } = parseOptions(optionsSchema, options, what);
  const inTime = createDeadline(timeoutMs);

  async function answered<T>(key: string, ask: () => T | Promise<T>): Promise<T> {
    try {
      const answer = ask();
      if (!(answer instanceof Promise) || store.settlesWithinMs) return await answer;
      return await inTime(answer, "the rate limit store");
    } catch (cause) {
      storeFail.publish(() => ({ limiter: name, tenantId: key, error: cause }));
      throw new StoreError("the rate limit store could not answer", { cause });
    }
  }

  const chargesOf = (key: string, rule: RateLimitRule): Charge[] => [{ rule, scope: [name, rule.name], subject: key }];

  return {
    async take(key, rule, cost) {
      const charges = chargesOf(key, rule);
      const taken = await answered(key, () => store.consume({ tenantId: key, cost, charges }));
      const [standing] = taken.statuses;
      if (standing === undefined) throw new StoreError("the rate limit store told nothing of what it was asked");
      return { taken, standing };
    },
    give: (key, rule, consumed) =>
      answered(key, () => store.refund({ tenantId: key, units: 1, charges: chargesOf(key, rule), consumed })),
    reset: (key, rule) => answered(key, () => store.reset({ tenantId: key, charges: chargesOf(key, rule) })),
  };
}

const LONGEST_MS = 400 * 86_400_000;

/**
 * A rule of a counter. Its name has a sign that no rule of a limiter has, so that the two never count together.
 * @throws {RangeError} for a window that no store can keep
 */
export function hitsRule(rule: Pick<RateLimitRule, "name" | "algorithm" | "limit" | "windowMs">): RateLimitRule {
  if (!(rule.windowMs >= 1 && rule.windowMs <= LONGEST_MS)) {
    throw new RangeError(`window: expected 1 ms to 400 days, got ${rule.windowMs} ms`);
  }
  return { ...rule, by: "tenant", burst: rule.limit, shadow: false, leaseMs: 0, whenStoreFails: undefined };
}
