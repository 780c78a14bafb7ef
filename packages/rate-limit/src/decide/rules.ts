import { type Plan, PlanError, type RateLimitRule, TenantError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { CountedSubject } from "../subject.js";
import type { Charge, ConsumeRequest, RuleOptions } from "../types.js";
import { SubjectError } from "../errors.js";
import { checkId, countedId, hasNoId, NO_TENANT, noIdError, partitionOf } from "./counted-id.js";

/** The rules of one plan for one group. */
export interface RuleSet {
  readonly plan: string;
  readonly group: string | undefined;
  /** Without the rules that are unlimited: they decide and count nothing. */
  readonly rules: readonly BoundRule[];
  /** True when a rule is unlimited: a request to which no other rule applies is admitted. */
  readonly isUnlimited: boolean;
}

/** A rule with the name and scope that it has in one limiter. */
export interface BoundRule {
  /** `tenant`, or `ai.tenant` for a rule of the group `ai`. */
  readonly name: string;
  readonly scope: readonly string[];
  readonly rule: RateLimitRule;
}

/** A request to the store, with the rules that turn its result into a decision. */
export interface LimitRequest extends RuleSet {
  readonly consume: ConsumeRequest;
}

/** Looks up the rules of plans for one limiter, built once per plan and group. */
export function ruleSets(limiter: string): (plan: Plan, options: RuleOptions) => RuleSet {
  const known = new WeakMap<Plan, Map<string, RuleSet>>();
  const bounds = new WeakMap<RateLimitRule, BoundRule>();
  let last: { plan: Plan; set: RuleSet } | undefined;

  function find(plan: Plan, { group, groupOnly = false }: RuleOptions): RuleSet {
    let sets = known.get(plan);
    if (sets === undefined) known.set(plan, (sets = new Map()));
    const name = group === undefined ? "" : `${groupOnly ? "only" : "with"} ${group}`;
    let set = sets.get(name);
    if (set === undefined) sets.set(name, (set = bind(limiter, plan, { group, groupOnly, bounds })));
    return set;
  }

  return (plan, options) => {
    // Most tenants are on few plans, and most requests name no group.
    if (options.group !== undefined) return find(plan, options);
    if (last?.plan !== plan) last = { plan, set: find(plan, options) };
    return last.set;
  };
}

function bind(
  limiter: string,
  plan: Plan,
  options: { group: string | undefined; groupOnly: boolean; bounds: WeakMap<RateLimitRule, BoundRule> },
): RuleSet {
  const { group, groupOnly, bounds } = options;
  const section = plan.rateLimit;
  if (section === undefined) throw new PlanError(`plan ${describeValue(plan.name)} has no rateLimit section`);
  const bound = (rule: RateLimitRule, prefix: readonly string[]): BoundRule => {
    const known = bounds.get(rule);
    if (known !== undefined) return known;
    const path = [...prefix, rule.name];
    const made = { name: path.join("."), scope: [limiter, ...path, ...algorithmSegment(rule)], rule };
    bounds.set(rule, made);
    return made;
  };
  const setOf = (own: readonly RateLimitRule[], added: readonly RateLimitRule[]): RuleSet => ({
    plan: plan.name,
    group,
    rules: [
      ...own.filter(isLimited).map((rule) => bound(rule, [])),
      ...added.filter(isLimited).map((rule) => bound(rule, group === undefined ? [] : [group])),
    ],
    isUnlimited: ![...own, ...added].every(isLimited),
  });
  if (group === undefined) return setOf(section.rules, []);
  const added = Object.hasOwn(section.groups, group) ? section.groups[group] : undefined;
  if (added === undefined) {
    throw new PlanError(`plan ${describeValue(plan.name)} has no rate limit group ${describeValue(group)}`, {
      status: 403,
    });
  }
  return setOf(groupOnly ? [] : section.rules, added);
}

const isLimited = ({ limit }: RateLimitRule): boolean => limit !== Infinity;

// One algorithm cannot read the state of another, so each has keys of its own. Rule names never contain this character.
const algorithmSegment = ({ algorithm }: RateLimitRule): string[] => (algorithm === "gcra" ? [] : [`~${algorithm}`]);

/**
 * The rules that apply to a subject, and their charges: a user rule needs a user, an address rule an address.
 * @param parts `slot`: present when `concurrency` rules are decided too; `isPartial`: true to leave out the rules whose subject
 * is missing, for calls that admit nothing; `isCharged`: true for a charge of a rule of the plan itself that an earlier decision
 * about the same request has made
 * @throws {SubjectError} for a subject without an id that a rule counts, if the rule denies such requests
 * @throws {PlanError} when no rule applies, because that would be no limit at all
 * @throws {TenantError} for a subject without a tenant, unless all rules that apply count addresses
 */
export function requestOf(
  { plan, group, rules, isUnlimited }: RuleSet,
  parts: {
    readonly subject: CountedSubject;
    readonly cost: number;
    readonly slot: string | undefined;
    readonly isPartial: boolean;
    readonly isCharged: ((tenantId: string, charge: Charge) => boolean) | undefined;
  },
): LimitRequest {
  const { subject, cost, slot, isPartial, isCharged } = parts;
  const tenantId = subject.tenantId ?? partitionOf(rules, subject);
  const charges: Charge[] = [];
  // Nearly always all rules apply, and their list is used as it is.
  let applied: readonly BoundRule[] = rules;
  for (let i = 0; i < rules.length; i++) {
    const bound = rules[i] as BoundRule;
    const charge = isLeftOut(bound, slot)
      ? undefined
      : (chargeOf(bound, subject) ?? (isPartial ? undefined : chargeOfMissing(bound, subject)));
    if (charge === undefined || (isCharged !== undefined && isOwn(bound) && isCharged(tenantId, charge))) {
      if (applied === rules) applied = rules.slice(0, i);
      continue;
    }
    if (applied !== rules) applied = [...applied, bound];
    charges.push(charge);
  }
  if (charges.length === 0 && !isUnlimited) {
    if (subject.tenantId === undefined && hasNoId(rules, subject)) throw noIdError(rules);
    throw new PlanError(`plan ${describeValue(plan)} has no rate limit rule ${missing(rules)}`);
  }
  const consume: ConsumeRequest = slot === undefined ? { tenantId, cost, charges } : { tenantId, cost, charges, slot };
  return { plan, group, rules: applied, isUnlimited, consume };
}

const isLeftOut = ({ rule }: BoundRule, slot: string | undefined): boolean =>
  slot === undefined && rule.algorithm === "concurrency";

/** True for a rule of the plan itself: the name of a rule of a group has the group in front. */
const isOwn = ({ name, rule }: BoundRule): boolean => name === rule.name;

function chargeOf(bound: BoundRule, subject: CountedSubject): Charge | undefined {
  const { rule, scope } = bound;
  const counted = countedId(rule.by, subject);
  if (subject.tenantId !== undefined) {
    return counted === undefined ? undefined : { rule, scope, subject: checkId(counted, rule.by) };
  }
  if (rule.by === "user" && counted !== undefined) throw noTenantError(bound);
  return counted === undefined
    ? undefined
    : { rule, scope: scopeWith(scope, NO_TENANT), subject: checkId(counted, rule.by) };
}

const noTenantError = ({ name, rule }: BoundRule): TenantError =>
  new TenantError(`rule ${describeValue(name)} counts ${rule.by}s, and the subject has no tenantId`);

/** Subject of the requests that are counted together because they have no id that their rule counts. */
const SHARED = "~shared";

/** The charge of a rule for a subject that has no id of the kind that it counts. */
function chargeOfMissing(bound: BoundRule, { tenantId }: CountedSubject): Charge | undefined {
  const { name, rule, scope } = bound;
  const { whenSubjectMissing = "deny", shadow } = rule;
  if (whenSubjectMissing === "skip" || shadow) return undefined;
  if (whenSubjectMissing === "deny") throw rule.by === "tenant" ? noTenantError(bound) : new SubjectError(name, rule);
  const shared = scopeWith(scope, SHARED);
  return { rule, scope: tenantId === undefined ? scopeWith(shared, NO_TENANT) : shared, subject: SHARED };
}

function missing(rules: readonly BoundRule[]): string {
  if (rules.every(({ rule }) => rule.algorithm === "concurrency")) return "but for concurrency, which acquire decides";
  return `for a request without ${[...new Set(rules.map(({ rule }) => rule.by))].join(" and ")}`;
}

type Scopes = WeakMap<readonly string[], readonly string[]>;
const scopes: Readonly<Record<typeof NO_TENANT | typeof SHARED, Scopes>> = {
  [NO_TENANT]: new WeakMap(),
  [SHARED]: new WeakMap(),
};

/**
 * A scope of its own: for subjects without a tenant, because a tenant whose id is an address must not share their count, and for
 * subjects that are counted together, because a user may have any id.
 */
function scopeWith(scope: readonly string[], part: keyof typeof scopes): readonly string[] {
  let known = scopes[part].get(scope);
  if (known === undefined) scopes[part].set(scope, (known = [...scope, part]));
  return known;
}
