import type { RateLimitRule } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach } from "vitest";
import type { Charge, RateLimitStore, RuleStatus, ConsumeRequest, ConsumeResult } from "../../types.js";
import { ruleOf } from "../rule.js";

/** The algorithms that count units per window. */
export type WindowAlgorithm = Exclude<RateLimitRule["algorithm"], "concurrency">;

/** Creates an empty store that takes its time from `clock` alone. */
export type CreateStore = (clock: ManualClock) => RateLimitStore | Promise<RateLimitStore>;

/** The store and the clock of the running test. */
export interface Context {
  readonly clock: ManualClock;
  readonly store: RateLimitStore;
}

/** Creates a store before each test of the current suite. */
export function freshStores(create: CreateStore): Context {
  let clock = createManualClock();
  let store: RateLimitStore | undefined;
  beforeEach(async () => {
    clock = createManualClock();
    store = await create(clock);
  });
  return {
    get clock() {
      return clock;
    },
    get store() {
      if (store === undefined)
        throw new Error("expected a running test, got a call outside of one: the store is created before each test");
      return store;
    },
  };
}

export const MINUTE_MS = 60_000;

/** Ten units a minute, or ten slots for a minute each. */
export const tenOf = (algorithm: RateLimitRule["algorithm"]): RateLimitRule =>
  ruleOf({ name: algorithm, algorithm, limit: 10, windowMs: MINUTE_MS });

export const threePerSecond: RateLimitRule = ruleOf({ name: "user", by: "user", limit: 3, windowMs: 1000 });

export const limitedTo = (rule: RateLimitRule, limit: number): RateLimitRule => ({ ...rule, limit, burst: limit });

export const charge = (
  rule: RateLimitRule,
  subject = "acme",
  scope: readonly string[] = ["api", rule.name],
): Charge => ({
  rule,
  subject,
  scope,
});

export const request = (cost: number, ...charges: Charge[]): ConsumeRequest => ({ tenantId: "acme", cost, charges });

/** Calls of the store with one rule. */
export interface OneRule {
  consume(cost?: number, rule?: RateLimitRule): Promise<ConsumeResult>;
  /** The status of the rule, without a charge. */
  peek(rule?: RateLimitRule): Promise<RuleStatus>;
  refund(units: number, result: ConsumeResult): Promise<void>;
}

export function oneRule(context: Context, usual: RateLimitRule): OneRule {
  const consume: OneRule["consume"] = async (cost = 1, rule = usual) =>
    context.store.consume(request(cost, charge(rule)));
  return {
    consume,
    peek: async (rule = usual) => statusOf(await consume(0, rule)),
    async refund(units, consumed) {
      await context.store.refund({ tenantId: "acme", units, charges: [charge(usual)], consumed });
    },
  };
}

/** The status of the first rule of a request. */
export function statusOf({ statuses }: ConsumeResult): RuleStatus {
  const [first] = statuses;
  if (first === undefined) throw new Error("expected a status for every charge, got none");
  return first;
}
