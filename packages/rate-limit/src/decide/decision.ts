import type {
  Charge,
  ConsumeRequest,
  ConsumeResult,
  Decision,
  LimitStatus,
  RefundRequest,
  RuleStatus,
} from "../types.js";
import type { BoundRule, LimitRequest } from "./rules.js";

// Most decisions refuse nothing and share this list, so it is frozen.
const NONE: readonly string[] = Object.freeze([]);

/**
 * A decision by counts, which knows its charges. A class, because one is made for every request, and because its private
 * fields keep callers from making up charges to refund.
 */
export class ChargedDecision implements Decision {
  readonly allowed: boolean;
  readonly decidedBy: Decision["decidedBy"];
  readonly plan: string;
  readonly group: string | undefined;
  readonly cost: number;
  readonly limits: readonly LimitStatus[];
  readonly violated: readonly string[];
  readonly shadowed: readonly string[];
  readonly retryAfterMs: number;
  readonly #consume: ConsumeRequest;
  readonly #result: ConsumeResult;
  #refunded = 0;

  constructor({ plan, group, rules, consume }: LimitRequest, result: ConsumeResult, decidedBy: Decision["decidedBy"]) {
    const limits: LimitStatus[] = [];
    for (let i = 0; i < rules.length; i++)
      limits.push(limitStatus(rules[i] as BoundRule, result.statuses[i] as RuleStatus));
    const { allowed } = result;
    this.allowed = allowed;
    this.decidedBy = decidedBy;
    this.plan = plan;
    this.group = group;
    this.cost = consume.cost;
    this.limits = limits;
    this.violated = allowed ? NONE : refusing(limits, false);
    this.shadowed = refusing(limits, true);
    this.retryAfterMs = allowed ? 0 : longestWait(limits);
    this.#consume = consume;
    this.#result = result;
  }

  static is(decision: Decision): decision is ChargedDecision {
    return #consume in decision;
  }

  /** The name of the limiter that decided. */
  get limiter(): string | undefined {
    return this.#consume.charges[0]?.scope[0];
  }

  /** Units that were charged and not refunded. */
  get refundable(): number {
    return this.allowed ? this.cost - this.#refunded : 0;
  }

  /** Counts units as refunded before the store is asked, so that a second call cannot refund them again. */
  startRefund(units: number): RefundRequest {
    const earlier = this.#refunded;
    this.#refunded += units;
    const { tenantId, charges } = this.#consume;
    // Goes back to the lease that this very result was taken from.
    if (this.decidedBy === "lease") return { tenantId, units, charges, consumed: this.#result };
    return refundOf(this.#consume, this.#result, { units, earlier });
  }

  /** Counts units as not refunded again, because the store could not refund them. */
  cancelRefund(units: number): void {
    this.#refunded -= units;
  }
}

/**
 * The refund of the rules that were charged: a rule in shadow that refused was not.
 * @param amounts `earlier` units were refunded before
 */
function refundOf(
  { tenantId, charges }: ConsumeRequest,
  consumed: ConsumeResult,
  { units, earlier }: { units: number; earlier: number },
): RefundRequest {
  const isCharged = (_: unknown, i: number): boolean => consumed.statuses[i]?.retryAfterMs === 0;
  if (earlier === 0 && consumed.statuses.every(isCharged)) return { tenantId, units, charges, consumed };
  const charged = charges.filter(isCharged);
  const statuses = consumed.statuses.filter(isCharged).map((status, i) => {
    // Units leave a bucket in the order they came: without the units refunded before, it would have been empty sooner.
    const { algorithm, windowMs, limit } = (charged[i] as Charge).rule;
    const soonerMs = algorithm === "gcra" ? (earlier * windowMs) / limit : 0;
    return { ...status, resetMs: Math.max(0, status.resetMs - soonerMs) };
  });
  return { tenantId, units, charges: charged, consumed: { ...consumed, statuses } };
}

/** Names of the rules that refused: those in shadow, or the others. */
function refusing(limits: readonly LimitStatus[], shadow: boolean): readonly string[] {
  let names: string[] | undefined;
  for (const limit of limits) if (limit.retryAfterMs > 0 && limit.shadow === shadow) (names ??= []).push(limit.name);
  return names ?? NONE;
}

function longestWait(limits: readonly LimitStatus[]): number {
  let longest = 0;
  for (const { shadow, retryAfterMs } of limits) if (!shadow && retryAfterMs > longest) longest = retryAfterMs;
  return longest;
}

function limitStatus(
  { name, rule: { limit, windowMs, algorithm, shadow } }: BoundRule,
  { remaining, resetMs, retryAfterMs }: RuleStatus,
): LimitStatus {
  return { name, limit, windowMs, algorithm, shadow, remaining, resetMs, retryAfterMs };
}

/** Retry time of a denial by policy. The store may answer again by then; its real recovery time is unknown. */
const POLICY_RETRY_MS = 1000;

/** A decision by failure policy, without any count. */
export function decisionByPolicy({ plan, group, consume }: LimitRequest, allowed: boolean): Decision {
  return {
    allowed,
    decidedBy: "policy",
    plan,
    group,
    cost: consume.cost,
    limits: [],
    violated: [],
    shadowed: [],
    retryAfterMs: allowed ? 0 : POLICY_RETRY_MS,
  };
}
