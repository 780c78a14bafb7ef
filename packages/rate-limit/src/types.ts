import type { RateLimitRule } from "@scale/core";

/**
 * The caller a request is counted for. Rules of plans need a tenant; rules that are the same for every tenant do not. `null`
 * is the same as an id that is missing.
 */
export interface RateLimitSubject {
  readonly tenantId?: string | null | undefined;
  readonly userId?: string | null | undefined;
  /**
   * The client's address as the application resolved it. IPv6 is counted by its first `ipv6Prefix` bits, and an IPv4-mapped
   * address as IPv4.
   */
  readonly ip?: string | null | undefined;
  /**
   * Ids of other kinds, by the name that rules have in `by`: `{ email: "ann@example.com" }` for a rule with `by: "email"`.
   * They are part of keys in the store: pass a hash of a secret, such as an API key.
   */
  readonly keys?: Readonly<Record<string, string | null | undefined>> | undefined;
}

/** Selects rules of the tenant's plan. */
export interface RuleOptions<Group extends string = string> {
  /** Group of the plan whose rules apply in addition to the plan's own. */
  readonly group?: Group;
  /**
   * Applies the rules of `group` alone, for a request that the plan's own rules have admitted already.
   * @default false
   */
  readonly groupOnly?: boolean;
  /**
   * Earlier decisions about the same request. Rules of the plan itself that they have charged for the same subject are left
   * out; the rules of the group are not. Refunded and denied decisions, and those with a cost of 0, have charged nothing.
   */
  readonly charged?: readonly Decision[];
}

export interface CheckOptions<Group extends string = string> extends RuleOptions<Group> {
  /**
   * Units to charge, an integer. 0 charges nothing and reports whether one unit would be admitted.
   * @default 1
   */
  readonly cost?: number;
}

/** One rule applied to the subject that it counts. */
export interface Charge {
  readonly rule: RateLimitRule;
  /** The names of the limiter and the rule. They separate this count from all others of the subject. */
  readonly scope: readonly string[];
  /** Id of the counted tenant or user, or the counted address. */
  readonly subject: string;
  /** Units to grant on top of the cost, as many as are left up to this number: see `RuleStatus.granted`. */
  readonly want?: number;
}

/** Asks a store to charge `cost` units to every charge, or to none. */
export interface ConsumeRequest {
  /**
   * The tenant that owns the counts. For a subject without a tenant its address or key, or a constant for rules that count
   * several kinds of them. All counts of one request lie together.
   */
  readonly tenantId: string;
  /** Units, an integer. 0 charges nothing and asks whether one unit would be admitted. */
  readonly cost: number;
  /** At least one. No two have the same scope and subject. */
  readonly charges: readonly Charge[];
  /** Id of the slot to take in every `concurrency` rule. */
  readonly slot?: string;
  /**
   * Charges the cost of work that was done already, whether or not it fits: the result is `allowed`, and a count may exceed
   * its limit. A bucket holds at most 1,000 bursts. A store applies requests with the same id once.
   */
  readonly force?: { readonly id: string };
}

/** The state of one rule after a decision. */
export interface RuleStatus {
  /** Whole units that would be admitted now, or free slots. */
  readonly remaining: number;
  /** Milliseconds until the whole burst is available again; for `concurrency` until the slot held longest expires. */
  readonly resetMs: number;
  /** Milliseconds until this rule would admit the cost; 0 when it does, `Infinity` when it never will. */
  readonly retryAfterMs: number;
  /** Units of `want` that were charged in advance. */
  readonly granted?: number;
  /** True while the subject is blocked by the rule. Only for a rule with `block`. */
  readonly blocked?: boolean;
}

export interface ConsumeResult {
  /** True when every rule that is not in shadow admitted the cost. Units are charged only then. */
  readonly allowed: boolean;
  /** The store's time of the decision, in milliseconds since an epoch of its own. */
  readonly atMs: number;
  /** In the order of the charges. */
  readonly statuses: readonly RuleStatus[];
}

/** Called with a result that came after the store's own deadline, when the promise of the request had rejected. */
export type LateResult = (request: ConsumeRequest, result: ConsumeResult) => void;

/** Returns units that were charged earlier. */
export interface RefundRequest {
  /** A store applies refunds with the same id once, for as long as their units count: one that timed out can be repeated. */
  readonly id?: string;
  readonly tenantId: string;
  readonly units: number;
  readonly charges: readonly Charge[];
  /** The store's result when it charged the units. */
  readonly consumed: ConsumeResult;
}

/** A held slot, and the `concurrency` rules it was taken from. */
export interface HeldSlot {
  readonly tenantId: string;
  readonly slot: string;
  readonly charges: readonly Charge[];
}

/** Keeps the counts and decides atomically. `describeRateLimitStore` from `@scale/rate-limit/testing` is its contract. */
export interface RateLimitStore {
  /**
   * Decides all charges of one request together. A slot that is held already is renewed for another `windowMs`.
   * A result after the store's own deadline goes to `late`: the limiter refunds its units, or releases its slot.
   */
  consume(request: ConsumeRequest, late?: LateResult): ConsumeResult | Promise<ConsumeResult>;
  /**
   * Returns units to the counts they were charged to, as far as they still count there.
   * One that is carried out after its deadline is applied: the limiter repeats it with the same `id`.
   */
  refund(request: RefundRequest): void | Promise<void>;
  /** Deletes these counts, held slots included. One that is carried out after its deadline deletes what is counted by then. */
  reset(request: Pick<ConsumeRequest, "tenantId" | "charges">): void | Promise<void>;
  /**
   * Frees a slot. A slot that has expired, and may be held by another caller now, stays as it is.
   * One that is carried out after its deadline frees the slot, and so does the limiter's repetition of it.
   */
  release(held: HeldSlot): void | Promise<void>;
  /**
   * Deadline of the store's own: every method settles within this many milliseconds, and the limiter adds no deadline.
   * 0 means that the methods return values instead of promises.
   */
  readonly settlesWithinMs?: number;
  /** True for a store that blocks subjects by `block` of their rules. A limiter with such a rule refuses any other store. */
  readonly blocks?: boolean;
}

/** The status of one rule, together with the rule. */
export interface LimitStatus extends RuleStatus {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly limit: number;
  /** Units that may be used at once after a pause; equal to `limit` except for `gcra`. */
  readonly burst: number;
  /** For `concurrency`: how long a slot stays taken when it is not renewed. */
  readonly windowMs: number;
  readonly algorithm: RateLimitRule["algorithm"];
  /** True for a rule that reports and does not deny. */
  readonly shadow: boolean;
}

/** The decision of a limiter about one request. A denial is a value, not an error. */
export interface Decision {
  readonly allowed: boolean;
  /**
   * `store`: the store decided. `lease`: units that this process holds in advance. `denial-cache`: a recent refusal of the
   * store. `local` and `policy`: the store could not answer. `unlimited`: the plan lifts every rule that applies.
   */
  readonly decidedBy: "store" | "lease" | "denial-cache" | "local" | "policy" | "unlimited";
  readonly plan: string;
  /** The requested group. */
  readonly group: string | undefined;
  readonly cost: number;
  /** Every rule that was checked; none for `policy` and `unlimited`. For `denial-cache` as of the refusal that is repeated. */
  readonly limits: readonly LimitStatus[];
  /** Names of the rules that refused. */
  readonly violated: readonly string[];
  /** Names of the rules in shadow that would have refused. */
  readonly shadowed: readonly string[];
  /** Milliseconds until all rules would admit the cost; `Infinity` when they never will. */
  readonly retryAfterMs: number;
}

/** A slot of every `concurrency` rule that applies, or their refusal. */
export interface Slot extends AsyncDisposable {
  readonly decision: Decision;
  /** Same as `decision.allowed`. */
  readonly allowed: boolean;
  /** Aborts when the slot is lost: the store was out of reach for longer than the rule's `ttl`, and another caller took it. */
  readonly signal: AbortSignal;
  /**
   * Frees the slot; later calls do nothing. A slot is renewed for as long as its limiter is open, so it becomes free only
   * when it is released or its process ends.
   */
  release(): Promise<void>;
  /**
   * Ends the renewal: the slot becomes free when the `ttl` of its rule is over, or earlier by `release`. For work whose end is
   * not seen any more. Does nothing for a slot that is free.
   * @param afterMs milliseconds for which it is still renewed, by default 0; of several calls the earliest end counts
   */
  letExpire(afterMs?: number): void;
}
