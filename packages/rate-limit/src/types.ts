import type { RateLimitRule } from "@scale/core";

/** Whom a request is counted for. Rules of plans need a tenant; rules that are the same for all may do without. */
export interface RateLimitSubject {
  readonly tenantId?: string;
  readonly userId?: string;
  /** The client's address as the application resolved it. */
  readonly ip?: string;
}

/** One rule applied to whom it counts. */
export interface Charge {
  readonly rule: RateLimitRule;
  /** The limiter's and the rule's name: what tells this count from all others of the subject. */
  readonly scope: readonly string[];
  /** The tenant, user or address that is counted. */
  readonly subject: string;
  /** Units to hand out on top of the cost, as many as there are up to this: see `Standing.granted`. */
  readonly want?: number;
}

/** A question to a store: may these be charged `cost` units each, all or none? */
export interface ConsumeRequest {
  /** Whose counts these are; the address for a subject that has no tenant. All of one question lie together. */
  readonly tenantId: string;
  /** Whole units. 0 charges nothing and asks whether one unit would be admitted. */
  readonly cost: number;
  /** At least one; no two with the same scope and subject. */
  readonly charges: readonly Charge[];
  /** Names the slot that is taken of every `concurrency` rule. */
  readonly slot?: string;
}

/** Where one rule stands after the decision. */
export interface RuleStatus {
  /** Whole units that may come at once, or slots that are free. */
  readonly remaining: number;
  /** Milliseconds until the whole burst is there again; for `concurrency` until the longest held slot expires. */
  readonly resetMs: number;
  /** Milliseconds until this rule would admit the cost; 0 when it does, `Infinity` when it never will. */
  readonly retryAfterMs: number;
  /** Units of `want` that were charged in advance. */
  readonly granted?: number;
}

export interface ConsumeResult {
  /** True when every rule that is not in shadow admitted the cost. Only then was anything charged. */
  readonly allowed: boolean;
  /** The store's time of the decision, milliseconds since a point of its own. */
  readonly atMs: number;
  /** In the order of the charges. */
  readonly statuses: readonly RuleStatus[];
}

/** Units that were charged, and are given back. */
export interface RefundRequest {
  readonly tenantId: string;
  readonly units: number;
  readonly charges: readonly Charge[];
  /** What the store answered when it charged them. */
  readonly consumed: ConsumeResult;
}

/** A slot, and the `concurrency` rules of which it was taken. */
export interface HeldSlot {
  readonly tenantId: string;
  readonly slot: string;
  readonly charges: readonly Charge[];
}

/**
 * Keeps the counts and decides atomically. `describeRateLimitStore` from `@scale/rate-limit/testing` says what every
 * store must do.
 */
export interface RateLimitStore {
  /** Decides all charges of one question together. A slot that is held already is renewed, until `windowMs` from now. */
  consume(take: ConsumeRequest): ConsumeResult | Promise<ConsumeResult>;
  /** Gives units back to where they were charged, as far as they still count there. */
  refund(give: RefundRequest): void | Promise<void>;
  /** Forgets these counts, whoever holds slots of them included. */
  reset(take: Pick<ConsumeRequest, "tenantId" | "charges">): void | Promise<void>;
  /** Frees a slot. One that has expired, and may be another's place by now, stays as it is. */
  release(held: HeldSlot): void | Promise<void>;
  /**
   * Present when every method settles within this many milliseconds by itself: the limiter then sets no deadline of its
   * own. 0 says that they return their answers and no promises.
   */
  readonly settlesWithinMs?: number;
}

/** Where one rule stands, with the rule. */
export interface LimitStatus extends RuleStatus {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly limit: number;
  /** For `concurrency`: how long a slot stays taken when its holder is not heard of. */
  readonly windowMs: number;
  readonly algorithm: RateLimitRule["algorithm"];
  /** True for a rule that reports and does not deny. */
  readonly shadow: boolean;
}

/** What a limiter decided about one request. A denial is a value, not an error. */
export interface Decision {
  readonly allowed: boolean;
  /**
   * `store` as asked. `lease` by units that this process was given in advance. `denial-cache` by what the store has just
   * refused. `local` and `policy` when the store could not answer.
   */
  readonly decidedBy: "store" | "lease" | "denial-cache" | "local" | "policy";
  readonly plan: string;
  /** The group that was asked for. */
  readonly group: string | undefined;
  readonly cost: number;
  /** Every rule that was asked: those that refused for `denial-cache`, none for `policy`. */
  readonly limits: readonly LimitStatus[];
  /** Names of the rules that refused. */
  readonly violated: readonly string[];
  /** Names of the rules in shadow that would have refused. */
  readonly shadowed: readonly string[];
  /** Milliseconds until all rules would admit the cost; `Infinity` when they never will. */
  readonly retryAfterMs: number;
}

/** Room among what runs at the same time, or the refusal of it. */
export interface Slot extends AsyncDisposable {
  readonly decision: Decision;
  /** `decision.allowed` */
  readonly allowed: boolean;
  /** Aborts when the slot was lost: the store was not reached for longer than the rule's `ttl`, and others have taken it. */
  readonly signal: AbortSignal;
  /**
   * Gives the room back; once is enough. A slot is renewed for as long as its limiter is open: only what is given back, or
   * whose process has ended, is free again.
   */
  release(): Promise<void>;
}
