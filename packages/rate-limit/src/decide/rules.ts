import { type Plan, PlanError, type RateLimitRule, TenantError } from "@scale/core";
import { MAX_ID_LENGTH, describeValue } from "@scale/core/kit";
import type { Charge, RateLimitSubject, ConsumeRequest } from "../types.js";

/** The rules of one plan for one group, ready to be charged. */
export interface RuleSet {
  readonly plan: string;
  readonly group: string | undefined;
  readonly rules: readonly BoundRule[];
}

export interface BoundRule {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly scope: readonly string[];
  readonly rule: RateLimitRule;
}

/** A question to the store, with what is needed to tell its answer. */
export interface Asked {
  readonly plan: string;
  readonly group: string | undefined;
  readonly rules: readonly BoundRule[];
  readonly take: ConsumeRequest;
}

/** Which rules of a plan: its own, and those of a group; or those of the group alone. */
export interface Selection {
  readonly group: string | undefined;
  readonly groupOnly: boolean;
}

/** Prepares the rules of plans for one limiter, once per plan and selection. */
export function ruleSets(limiter: string): (plan: Plan, selection: Selection) => RuleSet {
  const known = new WeakMap<Plan, Map<string, RuleSet>>();
  const bounds = new WeakMap<RateLimitRule, BoundRule>();
  let last: { plan: Plan; set: RuleSet } | undefined;

  function find(plan: Plan, { group, groupOnly }: Selection): RuleSet {
    let sets = known.get(plan);
    if (sets === undefined) known.set(plan, (sets = new Map()));
    const name = group === undefined ? "" : `${groupOnly ? "only" : "with"} ${group}`;
    let set = sets.get(name);
    if (set === undefined) sets.set(name, (set = bind(limiter, plan, { group, groupOnly, bounds })));
    return set;
  }

  return (plan, selection) => {
    // Most tenants are on few plans, and most requests are of no group.
    if (selection.group !== undefined) return find(plan, selection);
    if (last?.plan !== plan) last = { plan, set: find(plan, selection) };
    return last.set;
  };
}

function bind(
  limiter: string,
  plan: Plan,
  { group, groupOnly, bounds }: Selection & { bounds: WeakMap<RateLimitRule, BoundRule> },
): RuleSet {
  const section = plan.rateLimit;
  if (section === undefined) throw new PlanError(`plan ${describeValue(plan.name)} has no rateLimit section`);
  const named = (rule: RateLimitRule, prefix: readonly string[]): BoundRule => {
    let bound = bounds.get(rule);
    const name = [...prefix, rule.name].join(".");
    if (bound === undefined)
      bounds.set(rule, (bound = { name, scope: [limiter, ...prefix, rule.name, ...kindOf(rule)], rule }));
    return bound;
  };
  const rules = section.rules.map((rule) => named(rule, []));
  if (group === undefined) return { plan: plan.name, group, rules };
  const extra = Object.hasOwn(section.groups, group) ? section.groups[group] : undefined;
  if (extra === undefined) {
    throw new PlanError(`plan ${describeValue(plan.name)} has no rate limit group ${describeValue(group)}`, {
      status: 403,
    });
  }
  const added = extra.map((rule) => named(rule, [group]));
  return { plan: plan.name, group, rules: groupOnly ? added : [...rules, ...added] };
}

// What one algorithm has stored means nothing to another. No rule has a name with this sign.
const kindOf = ({ algorithm }: RateLimitRule): string[] => (algorithm === "gcra" ? [] : [`~${algorithm}`]);

/** What is asked about a request besides who sends it. */
export interface Request {
  readonly subject: RateLimitSubject;
  readonly cost: number;
  /** Present where slots are decided too. */
  readonly slot: string | undefined;
}

/**
 * The rules that apply to a subject, and what they charge: a user rule needs a user, an address rule an address.
 * @throws {PlanError} when none is left, because that would be no limit at all
 * @throws {TenantError} for a subject without a tenant, when not all rules that apply count addresses
 */
export function questionOf({ plan, group, rules }: RuleSet, { subject, cost, slot }: Request): Asked {
  const tenantId = subject.tenantId ?? checkId(subject.ip, "ip");
  const charges: Charge[] = [];
  // Nearly always all of them apply, and then the list that there is will do.
  let applied: readonly BoundRule[] = rules;
  for (let i = 0; i < rules.length; i++) {
    const bound = rules[i] as BoundRule;
    const charge = chargeOf(bound, subject, slot !== undefined);
    if (charge === undefined) {
      if (applied === rules) applied = rules.slice(0, i);
      continue;
    }
    if (applied !== rules) applied = [...applied, bound];
    charges.push(charge);
  }
  if (charges.length === 0) {
    throw new PlanError(`plan ${describeValue(plan)} has no rate limit rule ${missing(rules)}`);
  }
  const take: ConsumeRequest = slot === undefined ? { tenantId, cost, charges } : { tenantId, cost, charges, slot };
  return { plan, group, rules: applied, take };
}

function chargeOf(bound: BoundRule, subject: RateLimitSubject, withSlots: boolean): Charge | undefined {
  const { rule, scope } = bound;
  if (rule.algorithm === "concurrency" && !withSlots) return undefined;
  const counted = countedBy(rule.by, subject);
  if (subject.tenantId !== undefined) {
    return counted === undefined ? undefined : { rule, scope, subject: checkId(counted, rule.by) };
  }
  if (rule.by === "tenant" || (rule.by === "user" && counted !== undefined)) {
    throw new TenantError(`rule ${describeValue(bound.name)} counts ${rule.by}s, and the subject has no tenantId`);
  }
  return counted === undefined ? undefined : { rule, scope: withoutTenant(scope), subject: checkId(counted, rule.by) };
}

/** The id that a rule counts by. */
export function countedBy(by: RateLimitRule["by"], { tenantId, userId, ip }: RateLimitSubject): string | undefined {
  if (by === "tenant") return tenantId;
  return by === "user" ? userId : ip;
}

function checkId(id: unknown, by: RateLimitRule["by"]): string {
  if (typeof id === "string" && id.length > 0 && id.length <= MAX_ID_LENGTH) return id;
  throw new TenantError(`${by}: expected a text of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(id)}`);
}

function missing(rules: readonly BoundRule[]): string {
  if (rules.every(({ rule }) => rule.algorithm === "concurrency")) return "but for concurrency, which acquire decides";
  return `for a request without ${[...new Set(rules.map(({ rule }) => rule.by))].join(" and ")}`;
}

const anonymous = new WeakMap<readonly string[], readonly string[]>();

/** The scope apart from that of a tenant whose id is an address. */
function withoutTenant(scope: readonly string[]): readonly string[] {
  let known = anonymous.get(scope);
  if (known === undefined) anonymous.set(scope, (known = [...scope, "~no-tenant"]));
  return known;
}
