import type { RateLimitRule } from "@scale/core";

/** One rule applied to whom it counts. */
export interface Charge {
  readonly rule: RateLimitRule;
  /** The limiter's and the rule's name: what tells this count from all others of the subject. */
  readonly scope: readonly string[];
  /** The tenant, user or address that is counted. */
  readonly subject: string;
}

/** A question to a store: may these be charged `cost` units each, all or none? */
export interface Take {
  readonly tenantId: string;
  /** Whole units. 0 charges nothing and asks whether one unit would be admitted. */
  readonly cost: number;
  /** At least one; no two with the same scope and subject. */
  readonly charges: readonly Charge[];
}

/** Where one rule stands after the decision. */
export interface Standing {
  /** Whole units that may come at once. */
  readonly remaining: number;
  /** Milliseconds until the whole burst is there again. */
  readonly resetMs: number;
  /** Milliseconds until this rule would admit the cost; 0 when it does, `Infinity` when it never will. */
  readonly retryAfterMs: number;
}

export interface Taken {
  /** True when every rule admitted the cost. Only then was anything charged. */
  readonly allowed: boolean;
  /** In the order of the charges. */
  readonly standings: readonly Standing[];
}

/**
 * Keeps the counts and decides atomically. `describeRateLimitStore` from `@scale/rate-limit/testing` says what every
 * store must do.
 */
export interface RateLimitStore {
  /** Decides all charges of one question together. */
  take(take: Take): Taken | Promise<Taken>;
  /**
   * Present when `take` settles within this many milliseconds by itself: the limiter then sets no deadline of its own.
   * 0 says that `take` returns its answer and no promise.
   */
  readonly settlesWithinMs?: number;
}

/** Where one rule stands, with the rule. */
export interface LimitState extends Standing {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
}

/** What a limiter decided about one request. A denial is a value, not an error. */
export interface Decision {
  readonly allowed: boolean;
  /** `store` as asked; `local` and `policy` when the store could not answer. */
  readonly decidedBy: "store" | "local" | "policy";
  readonly plan: string;
  readonly cost: number;
  /** Every rule that was asked; empty when decided by `policy`. */
  readonly limits: readonly LimitState[];
  /** Names of the rules that refused. */
  readonly violated: readonly string[];
  /** Milliseconds until all rules would admit the cost; `Infinity` when they never will. */
  readonly retryAfterMs: number;
}
