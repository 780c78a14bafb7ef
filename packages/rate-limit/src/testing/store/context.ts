import type { RateLimitRule } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach } from "vitest";
import type { Charge, RateLimitStore, RuleStatus, ConsumeRequest, ConsumeResult } from "../../types.js";
import { ruleOf } from "../rule.js";

export type Algorithm = RateLimitRule["algorithm"];

/** The algorithms that count units per window. */
export type WindowAlgorithm = Exclude<Algorithm, "concurrency">;

/** Makes an empty store that tells the time by `clock` alone. */
export type CreateStore = (clock: ManualClock) => RateLimitStore | Promise<RateLimitStore>;

/** What the tests of one store work on: a store and a clock for each. */
export interface Context {
  readonly clock: ManualClock;
  readonly store: RateLimitStore;
}

/** Makes a store before each test of the suite that is being described. */
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
      if (store === undefined) throw new Error("there is a store only while a test runs");
      return store;
    },
  };
}

export const MINUTE_MS = 60_000;

/** Ten units a minute, or ten slots for a minute each. */
export const tenOf = (algorithm: Algorithm): RateLimitRule =>
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

export const ask = (cost: number, ...charges: Charge[]): ConsumeRequest => ({ tenantId: "acme", cost, charges });

/** One rule, asked as most tests ask it. */
export interface OneRule {
  take(cost?: number, rule?: RateLimitRule): Promise<ConsumeResult>;
  /** Where the rule stands, without charging it. */
  peek(rule?: RateLimitRule): Promise<RuleStatus>;
  give(units: number, taken: ConsumeResult): Promise<void>;
}

export function oneRule(context: Context, usual: RateLimitRule): OneRule {
  const take: OneRule["take"] = async (cost = 1, rule = usual) => context.store.consume(ask(cost, charge(rule)));
  return {
    take,
    peek: async (rule = usual) => standingOf(await take(0, rule)),
    async give(units, consumed) {
      await context.store.refund({ tenantId: "acme", units, charges: [charge(usual)], consumed });
    },
  };
}

/** Where the first rule of a question stands. */
export function standingOf({ statuses }: ConsumeResult): RuleStatus {
  const [first] = statuses;
  if (first === undefined) throw new Error("expected a standing for every charge, got none");
  return first;
}
