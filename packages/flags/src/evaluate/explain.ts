import type { CompiledFlag, CompiledRule } from "../document/compiled.js";
import type { FlagReason, FlagSubject, RuleTrace } from "../types.js";
import { BUCKETS_PER_PERCENT, bucketOf } from "./buckets.js";
import type { EvaluationContext } from "./context.js";
import { bucketsAt, matchRule } from "./match-rule.js";
import { subjectKey } from "./subject-key.js";

const BY_RULES: ReadonlySet<FlagReason> = new Set(["TARGET", "SPLIT", "NO_KEY", "DEFAULT"]);

/** The rules that were tried for a subject, up to the first that matched. Empty when the reason came before the rules. */
export function traceRules(
  flag: CompiledFlag,
  reason: FlagReason,
  of: { readonly subject: FlagSubject; readonly context: Pick<EvaluationContext, "clock" | "planOf"> },
): readonly RuleTrace[] {
  if (!BY_RULES.has(reason)) return [];
  const traces: RuleTrace[] = [];
  for (const rule of flag.rules) {
    const result = matchRule(rule, of.subject, of.context);
    traces.push({ rule: rule.id, result, ...bucketIn(rule, of) });
    if (result === "match") break;
  }
  return traces;
}

function bucketIn(
  { rollout, by }: CompiledRule,
  { subject, context }: Parameters<typeof traceRules>[2],
): Pick<RuleTrace, "bucket" | "percent"> {
  if (rollout === undefined) return {};
  const percent = bucketsAt(rollout, context) / BUCKETS_PER_PERCENT;
  const key = subjectKey(by, subject);
  return { percent, ...(key !== undefined && key !== "" && { bucket: bucketOf(rollout.salt, key) }) };
}
