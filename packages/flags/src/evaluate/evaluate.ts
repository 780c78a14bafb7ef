import type { CompiledFlag, CompiledRule, Verdict } from "../document/compiled.js";
import type { FlagSubject } from "../types.js";
import type { EvaluationContext } from "./context.js";
import { matchRule } from "./match-rule.js";
import { variantIndex } from "./buckets.js";
import { subjectKey } from "./subject-key.js";

/**
 * Decides one flag for one subject. The first of these that applies gives the value: kill switch, degraded signal, override,
 * stale rules, prerequisites, deny list, allow list, the first matching rule, the default.
 * Reads memory only and allocates nothing: every result was built when the document was compiled.
 */
export function evaluate(flag: CompiledFlag, subject: FlagSubject, context: EvaluationContext): Verdict {
  const safety = safetyVerdict(flag, context);
  if (safety !== undefined) return safety;
  for (const { flag: required, is, unmet } of flag.requires) {
    if (required === undefined || evaluate(required, subject, context).value !== is) return unmet;
  }
  if (flag.deny !== undefined && isListed(flag.deny, subject)) return flag.deny.verdict;
  if (flag.allow !== undefined && isListed(flag.allow, subject)) return flag.allow.verdict;
  return ruleVerdict(flag, subject, context);
}

/** The results that do not depend on the subject. */
function safetyVerdict(flag: CompiledFlag, context: EvaluationContext): Verdict | undefined {
  if (flag.killed !== undefined) return flag.killed;
  if (flag.degrade !== undefined && flag.degrade.verdict !== undefined) return flag.degrade.verdict;
  const override = context.overrideOf(flag.key);
  if (override !== undefined) return override;
  return context.isStale() ? flag.stale : undefined;
}

function ruleVerdict(flag: CompiledFlag, subject: FlagSubject, context: EvaluationContext): Verdict {
  const { rules } = flag;
  let lacksKey = false;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as CompiledRule;
    const result = matchRule(rule, subject, context);
    if (result === "match") return rule.variants === undefined ? rule.verdict : variantVerdict(rule, subject);
    if (result === "no-key") lacksKey = true;
  }
  return lacksKey ? flag.noKey : flag.fallback;
}

function isListed({ tenants, users }: NonNullable<CompiledFlag["deny"]>, { tenantId, userId }: FlagSubject): boolean {
  return (tenantId !== undefined && tenants.has(tenantId)) || (userId !== undefined && users.has(userId));
}

function variantVerdict({ by, variants = [], verdict }: CompiledRule, subject: FlagSubject): Verdict {
  // A rule with variants does not match a subject without a key.
  const key = subjectKey(by, subject) ?? "";
  return variants[variantIndex(variants, key)]?.verdict ?? verdict;
}
