import type { Charge, ConsumeRequest, ConsumeResult, Decision, HeldSlot, LimitStatus, RuleStatus } from "../types.js";
import { Corrections } from "./corrections.js";
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
  #corrections: Corrections | undefined;

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

  /** The units that were refunded, and charged on top, since. */
  get corrections(): Corrections {
    const { allowed, decidedBy, cost } = this;
    return (this.#corrections ??= new Corrections({
      units: allowed ? cost : 0,
      isLeased: decidedBy === "lease",
      consume: this.#consume,
      result: this.#result,
    }));
  }

  /** The slot that could not be taken, with the rules that refused it. */
  get refusedSlots(): HeldSlot {
    const { tenantId, slot = "", charges } = this.#consume;
    const refused = charges.filter(
      ({ rule }, i) => rule.algorithm === "concurrency" && !rule.shadow && (this.limits[i]?.retryAfterMs ?? 0) > 0,
    );
    return { tenantId, slot, charges: refused };
  }

  /** True when a rule has units of this decision that count for the subject of the charge. */
  hasCharged(tenantId: string, { scope, subject }: Charge): boolean {
    if (this.#consume.tenantId !== tenantId || this.corrections.units === 0) return false;
    // By the parts of the scope: after a refresh of its plan the same rule is another object.
    return this.#consume.charges.some((charge) => charge.subject === subject && isSameScope(charge.scope, scope));
  }
}

const isSameScope = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && one.every((part, i) => part === other[i]));

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
  { name, rule: { limit, burst, windowMs, algorithm, shadow } }: BoundRule,
  { remaining, resetMs, retryAfterMs, blocked }: RuleStatus,
): LimitStatus {
  if (blocked === undefined)
    return { name, limit, burst, windowMs, algorithm, shadow, remaining, resetMs, retryAfterMs };
  return { name, limit, burst, windowMs, algorithm, shadow, remaining, resetMs, retryAfterMs, blocked };
}

/** Retry time of a denial by policy. The store may answer again by then; its real recovery time is unknown. */
const POLICY_RETRY_MS = 1000;

/** A decision by failure policy, without any count. */
export function decisionByPolicy(request: LimitRequest, allowed: boolean): Decision {
  return { ...uncounted(request), allowed, decidedBy: "policy", retryAfterMs: allowed ? 0 : POLICY_RETRY_MS };
}

/** The decision of a request whose rules are all unlimited. */
export const unlimitedDecision = (request: LimitRequest): Decision => ({
  ...uncounted(request),
  ...{ allowed: true, decidedBy: "unlimited", retryAfterMs: 0 },
});

const uncounted = ({ plan, group, consume: { cost } }: LimitRequest) =>
  ({ plan, group, cost, limits: [], violated: NONE, shadowed: NONE }) as const;
