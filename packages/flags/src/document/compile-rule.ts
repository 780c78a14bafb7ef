import { BUCKETS_PER_PERCENT, saltPrefix, variantPrefix } from "../evaluate/buckets.js";
import type { CompiledCondition, CompiledRollout, CompiledRule, Verdict } from "./compiled.js";
import type { AttributeCondition, FlagRule } from "./settings.js";

interface RuleParts {
  readonly id: string;
  readonly salt: string;
  /** Checks a value of the rule, or the missing one. */
  valueOf(value: unknown): unknown;
}

/** @throws {InputError} for a value that the flag cannot have */
export function compileRule(rule: FlagRule, { id, salt, valueOf }: RuleParts): CompiledRule {
  const { plans, tenants, users, where, from, until, percent, by = "tenant", variants } = rule;
  const isSplit = percent !== undefined || variants !== undefined;
  const result = (value: unknown, variant?: string): Verdict =>
    Object.freeze({ value, reason: isSplit ? "SPLIT" : "TARGET", rule: id, variant, detail: undefined });
  return Object.freeze({
    id,
    by,
    plans: plans && new Set(plans),
    tenants: tenants && new Set(tenants),
    users: users && new Set(users),
    where: where?.map(compileCondition),
    window:
      from === undefined && until === undefined
        ? undefined
        : { from: timeOf(from, -Infinity), until: timeOf(until, Infinity) },
    rollout: percent === undefined ? undefined : compileRollout(percent, salt),
    variants: variants?.map(({ name, weight, value }) => ({
      prefix: variantPrefix(salt, name),
      weight,
      verdict: result(valueOf(value), name),
    })),
    verdict: result(variants === undefined ? valueOf(rule.value) : undefined),
  });
}

const timeOf = (date: string | undefined, missing: number): number => (date === undefined ? missing : Date.parse(date));

function compileRollout(percent: NonNullable<FlagRule["percent"]>, salt: string): CompiledRollout {
  const shared = { salt: saltPrefix(salt) };
  if (typeof percent === "number") return { ...shared, buckets: bucketsOf(percent), ramp: undefined };
  const ramp = percent.map(({ at, percent }) => ({ at: Date.parse(at), buckets: bucketsOf(percent) }));
  return { ...shared, buckets: 0, ramp };
}

const bucketsOf = (percent: number): number => Math.round(percent * BUCKETS_PER_PERCENT);

function compileCondition(condition: AttributeCondition): CompiledCondition {
  return { attribute: condition.attribute, test: testOf(condition) };
}

function testOf(condition: AttributeCondition): CompiledCondition["test"] {
  if ("value" in condition) {
    const { op, value: bound } = condition;
    return (value) => typeof value === "number" && (op === "at-least" ? value >= bound : value <= bound);
  }
  if (condition.op === "starts-with" || condition.op === "ends-with") {
    const { op, values } = condition;
    const has = (value: string, part: string): boolean =>
      op === "starts-with" ? value.startsWith(part) : value.endsWith(part);
    return (value) => typeof value === "string" && values.some((part) => has(value, part));
  }
  const values = new Set<string | number | boolean>(condition.values);
  const isIn = condition.op === "in";
  return (value) => values.has(value) === isIn;
}
