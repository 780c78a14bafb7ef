import type { Asked, BoundRule } from "./rules.js";
import type {
  Charge,
  Decision,
  RefundRequest,
  LimitStatus,
  RuleStatus,
  ConsumeRequest,
  ConsumeResult,
} from "../types.js";

/** What a decision charged, for giving it back: as it was asked, or by its one rule. */
export type Origin =
  | { readonly take: Pick<ConsumeRequest, "tenantId" | "charges">; readonly taken: ConsumeResult }
  | { readonly tenantId: string; readonly subject: string; readonly bound: BoundRule; readonly atMs: number };

// Most decisions refuse nothing. Frozen, because they share it.
const NONE: readonly string[] = Object.freeze([]);

/** A class, because one is made for every request; and because nobody must be able to make up what it charged. */
export class Decided implements Decision {
  readonly allowed: boolean;
  readonly decidedBy: Decision["decidedBy"];
  readonly plan: string;
  readonly group: string | undefined;
  readonly cost: number;
  readonly limits: readonly LimitStatus[];
  readonly violated: readonly string[];
  readonly shadowed: readonly string[];
  readonly retryAfterMs: number;
  readonly #origin: Origin;
  #refunded = 0;

  // oxlint-disable-next-line max-params -- an object for them would be made for every request too
  constructor(
    plan: string,
    group: string | undefined,
    cost: number,
    allowed: boolean,
    decidedBy: Decision["decidedBy"],
    limits: readonly LimitStatus[],
    origin: Origin,
  ) {
    this.allowed = allowed;
    this.decidedBy = decidedBy;
    this.plan = plan;
    this.group = group;
    this.cost = cost;
    this.limits = limits;
    this.violated = allowed ? NONE : refusing(limits, false);
    this.shadowed = refusing(limits, true);
    this.retryAfterMs = allowed ? 0 : longestWait(limits);
    this.#origin = origin;
  }

  /** True for what a limiter decided and knows the charges of. */
  static is(decision: Decision): decision is Decided {
    return #origin in decision;
  }

  /** The name of the limiter that decided. */
  get limiter(): string | undefined {
    const origin = this.#origin;
    return ("take" in origin ? origin.take.charges[0]?.scope : origin.bound.scope)?.[0];
  }

  /** Units that were charged and not given back. */
  get left(): number {
    return this.allowed ? this.cost - this.#refunded : 0;
  }

  /** What to give back. Before the store is asked: a second call must not give the same units back. */
  takeBack(units: number): RefundRequest {
    const earlier = this.#refunded;
    this.#refunded += units;
    const origin = this.#origin;
    if ("take" in origin) {
      const { tenantId, charges } = origin.take;
      // Goes back to the lease that this very answer came of.
      if (this.decidedBy === "lease") return { tenantId, units, charges, consumed: origin.taken };
      return chargedOf(origin, units, earlier);
    }
    const { tenantId, subject, bound, atMs } = origin;
    const take = { tenantId, charges: [{ rule: bound.rule, scope: bound.scope, subject }] };
    return chargedOf({ take, taken: { allowed: true, atMs, statuses: this.limits } }, units, earlier);
  }

  /** They could not be given back. */
  putBack(units: number): void {
    this.#refunded -= units;
  }
}

/**
 * The part of an origin that was charged: a rule in shadow that refused was not.
 * @param earlier units that were given back before
 */
function chargedOf(
  { take, taken: consumed }: Extract<Origin, { take: unknown }>,
  units: number,
  earlier: number,
): RefundRequest {
  const { tenantId, charges } = take;
  const isCharged = (_: unknown, i: number): boolean => consumed.statuses[i]?.retryAfterMs === 0;
  if (earlier === 0 && consumed.statuses.every(isCharged)) return { tenantId, units, charges, consumed };
  const kept = charges.filter(isCharged);
  const statuses = consumed.statuses.filter(isCharged).map((standing, i) => {
    // Units leave a bucket in the order in which they came: without those that were given back it was empty sooner.
    const { algorithm, windowMs, limit } = (kept[i] as Charge).rule;
    const soonerMs = algorithm === "gcra" ? (earlier * windowMs) / limit : 0;
    return { ...standing, resetMs: Math.max(0, standing.resetMs - soonerMs) };
  });
  return { tenantId, units, charges: kept, consumed: { ...consumed, statuses } };
}

/** Names of the rules that refused, of those in shadow or of the others. */
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

/** What was found about a question, told by rule. */
export function decisionOf(
  { plan, group, rules, take }: Asked,
  taken: ConsumeResult,
  decidedBy: Decision["decidedBy"],
): Decision {
  const limits: LimitStatus[] = [];
  for (let i = 0; i < rules.length; i++)
    limits.push(limitState(rules[i] as BoundRule, taken.statuses[i] as RuleStatus));
  return new Decided(plan, group, take.cost, taken.allowed, decidedBy, limits, { take, taken });
}

/** Where a rule stands, with the rule. */
function limitState(
  { name, rule: { limit, windowMs, algorithm, shadow } }: BoundRule,
  { remaining, resetMs, retryAfterMs }: RuleStatus,
): LimitStatus {
  return { name, limit, windowMs, algorithm, shadow, remaining, resetMs, retryAfterMs };
}

/** What a denial by policy asks the client to wait: the store may be back then, and nobody knows when. */
const POLICY_RETRY_MS = 1000;

/** What was decided without knowing any count. */
export function decisionByPolicy({ plan, group, take }: Asked, allowed: boolean): Decision {
  return {
    allowed,
    decidedBy: "policy",
    plan,
    group,
    cost: take.cost,
    limits: [],
    violated: [],
    shadowed: [],
    retryAfterMs: allowed ? 0 : POLICY_RETRY_MS,
  };
}
