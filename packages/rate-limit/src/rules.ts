import { type Plan, PlanError, type RateLimitRule, show, type TenantContext } from "@scale/core";
import type { Charge, LimitState, Standing, Taken } from "./types.js";

/** The rules of one plan for one group, ready to be charged. */
export interface RuleSet {
  readonly plan: string;
  readonly rules: readonly BoundRule[];
}

export interface BoundRule {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly scope: readonly string[];
  readonly rule: RateLimitRule;
}

/** Which rules of a plan: its own, and those of a group; or those of the group alone. */
export interface Selection {
  readonly group: string | undefined;
  readonly groupOnly: boolean;
}

/** Prepares the rules of plans for one limiter, once per plan and selection. */
export function ruleSets(limiter: string): (plan: Plan, selection: Selection) => RuleSet {
  const known = new WeakMap<Plan, Map<string, RuleSet>>();
  return (plan, { group, groupOnly }) => {
    let sets = known.get(plan);
    if (sets === undefined) known.set(plan, (sets = new Map()));
    const name = group === undefined ? "" : `${groupOnly ? "only" : "with"} ${group}`;
    let set = sets.get(name);
    if (set === undefined) sets.set(name, (set = bind(limiter, plan, { group, groupOnly })));
    return set;
  };
}

function bind(limiter: string, plan: Plan, { group, groupOnly }: Selection): RuleSet {
  const section = plan.rateLimit;
  if (section === undefined) throw new PlanError(`plan ${show(plan.name)} has no rateLimit section`);
  const named = (rule: RateLimitRule, prefix: readonly string[]): BoundRule => ({
    name: [...prefix, rule.name].join("."),
    scope: [limiter, ...prefix, rule.name],
    rule,
  });
  const rules = section.rules.map((rule) => named(rule, []));
  if (group === undefined) return { plan: plan.name, rules };
  const extra = Object.hasOwn(section.groups, group) ? section.groups[group] : undefined;
  if (extra === undefined) {
    throw new PlanError(`plan ${show(plan.name)} has no rate limit group ${show(group)}`, { status: 403 });
  }
  const added = extra.map((rule) => named(rule, [group]));
  return { plan: plan.name, rules: groupOnly ? added : [...rules, ...added] };
}

/**
 * The rules that apply to a subject: a user rule needs a user, an address rule an address.
 * @throws {PlanError} when none is left, because that would be no limit at all
 */
export function chargesFor(
  { plan, rules }: RuleSet,
  subject: TenantContext,
): { rules: BoundRule[]; charges: Charge[] } {
  const applied: BoundRule[] = [];
  const charges: Charge[] = [];
  for (const bound of rules) {
    const counted = countedBy(bound.rule.by, subject);
    if (counted === undefined) continue;
    applied.push(bound);
    charges.push({ rule: bound.rule, scope: bound.scope, subject: counted });
  }
  if (charges.length > 0) return { rules: applied, charges };
  throw new PlanError(`plan ${show(plan)} has no rate limit rule for a request without ${missing(rules)}`);
}

function countedBy(by: RateLimitRule["by"], { tenantId, userId, ip }: TenantContext): string | undefined {
  if (by === "tenant") return tenantId;
  return by === "user" ? userId : ip;
}

const missing = (rules: readonly BoundRule[]): string => [...new Set(rules.map(({ rule }) => rule.by))].join(" and ");

/** What a store said, told by rule. */
export function limitStates(rules: readonly BoundRule[], { standings }: Taken): LimitState[] {
  return rules.map(({ name, rule: { limit, windowMs } }, i) => {
    const { remaining, resetMs, retryAfterMs } = standings[i] as Standing;
    return { name, limit, windowMs, remaining, resetMs, retryAfterMs };
  });
}
