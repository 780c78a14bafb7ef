import type { CompiledCondition, CompiledRollout, CompiledRule } from "../document/compiled.js";
import type { FlagSubject, RuleTrace } from "../types.js";
import { bucketOf } from "./buckets.js";
import type { EvaluationContext } from "./context.js";
import { attributeOf, subjectKey } from "./subject-key.js";

/** Checks the conditions of a rule in a fixed order. Returns "match", or the first condition that fails. */
export function matchRule(
  rule: CompiledRule,
  subject: FlagSubject,
  context: Pick<EvaluationContext, "clock" | "planOf">,
): RuleTrace["result"] {
  if (rule.window !== undefined) {
    const now = context.clock.now();
    if (now < rule.window.from || now >= rule.window.until) return "window";
  }
  if (rule.plans !== undefined && !hasPlan(rule.plans, subject, context)) return "plan";
  if (rule.tenants !== undefined && !(subject.tenantId !== undefined && rule.tenants.has(subject.tenantId)))
    return "tenant";
  if (rule.users !== undefined && !(subject.userId !== undefined && rule.users.has(subject.userId))) return "user";
  if (rule.where !== undefined && !hasAttributes(rule.where, subject)) return "attribute";
  if (rule.rollout === undefined && rule.variants === undefined) return "match";
  const key = subjectKey(rule.by, subject);
  if (key === undefined || key === "") return "no-key";
  if (rule.rollout === undefined) return "match";
  return bucketOf(rule.rollout.salt, key) < bucketsAt(rule.rollout, context) ? "match" : "percentage";
}

function hasPlan(
  plans: ReadonlySet<string>,
  { plan, tenantId }: FlagSubject,
  context: Pick<EvaluationContext, "planOf">,
): boolean {
  const name = plan ?? (tenantId === undefined ? undefined : context.planOf(tenantId));
  return name !== undefined && plans.has(name);
}

function hasAttributes(conditions: readonly CompiledCondition[], subject: FlagSubject): boolean {
  for (let i = 0; i < conditions.length; i++) {
    const condition = conditions[i] as CompiledCondition;
    const value = attributeOf(subject, condition.attribute);
    if (value === undefined || !condition.test(value)) return false;
  }
  return true;
}

/** Number of buckets that are in at this moment. A ramp grows evenly between its points, and is 0 before the first. */
export function bucketsAt({ buckets, ramp }: CompiledRollout, { clock }: Pick<EvaluationContext, "clock">): number {
  if (ramp === undefined) return buckets;
  const now = clock.now();
  let before: { at: number; buckets: number } | undefined;
  for (let i = 0; i < ramp.length; i++) {
    const point = ramp[i] as { at: number; buckets: number };
    if (now < point.at) {
      if (before === undefined) return 0;
      const share = (now - before.at) / (point.at - before.at);
      return before.buckets + Math.floor(share * (point.buckets - before.buckets));
    }
    before = point;
  }
  return before?.buckets ?? 0;
}
