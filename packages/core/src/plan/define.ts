import { ConfigError, PlanError } from "../errors.js";
import { describeValue } from "../describe-value.js";
import { describeIssues, parseOptions } from "../options.js";
import { planNameSchema, type PlanSections, planSchema } from "./schema.js";
import type { Plan, PlanInput, PlanOverrides, Plans } from "./types.js";

export interface DefinePlansOptions<Name extends string, Alias extends string = string> {
  /** Other spellings of plan names, such as those of a billing system: `{ PRO: "professional" }`. */
  readonly aliases?: Readonly<Record<Alias, Name>>;
  /** Function that returns the URL where a tenant changes its plan. Refusals that a larger plan would have allowed contain it. */
  readonly upgradeUrl?: (upgrade: { readonly from: Name; readonly to: Name }) => string;
}

/**
 * Declares the plans of a product, from the smallest to the largest. Every setting is checked here.
 * @throws {ConfigError} with the plan, the setting and the value
 */
export function definePlans<
  const Name extends string,
  const Group extends string = never,
  const Alias extends string = never,
>(
  inputs: Readonly<Record<Name, PlanInput<Group>>>,
  { aliases, upgradeUrl }: DefinePlansOptions<NoInfer<Name>, Alias> = {},
): Plans<Name, Group, Alias> {
  const names = Object.keys(inputs) as Name[];
  if (names.length === 0) throw new ConfigError("definePlans: expected at least one plan, got none");
  const plans = new Map(names.map((name) => [name, parsePlan(name, inputs[name])]));
  const canonical = nameTable(names, aliases ?? {});
  const find = (name: string): Plan<Name> | undefined => {
    const known = canonical.get(name);
    return known === undefined ? undefined : plans.get(known);
  };

  function resolve(name: string, overrides?: PlanOverrides): Plan<Name> {
    const plan = find(name);
    if (plan === undefined) throw new PlanError(`unknown plan ${describeValue(name)}, known: ${names.join(", ")}`);
    return overrides === undefined ? plan : withOverrides(plan.name, inputs[plan.name], overrides);
  }

  function larger(name: string): Plan<Name>[] {
    const plan = find(name);
    const after = plan === undefined ? [] : names.slice(names.indexOf(plan.name) + 1);
    return after.flatMap((known) => plans.get(known) ?? []);
  }

  const groups = [...plans.values()].flatMap(({ rateLimit }) => Object.keys(rateLimit?.groups ?? {}));
  return {
    names,
    aliases: Object.keys(aliases ?? {}) as Alias[],
    groups: [...new Set(groups)] as Group[],
    find,
    resolve,
    next: (name) => larger(name)[0],
    upgrade(name, allows) {
      const from = find(name)?.name;
      const to = larger(name).find(allows)?.name;
      if (from === undefined || to === undefined) return undefined;
      return { from, to, ...(upgradeUrl !== undefined && { url: upgradeUrl({ from, to }) }) };
    },
  };
}

function parsePlan<Name extends string>(name: Name, input: unknown): Plan<Name> {
  parseOptions(planNameSchema, name, `definePlans: plan ${describeValue(name)}`);
  return freeze(name, parseOptions(planSchema, input, `definePlans: plan ${describeValue(name)}`));
}

function withOverrides<Name extends string>(name: Name, base: PlanInput, overrides: PlanOverrides): Plan<Name> {
  const merged = merge(base, overrides);
  const result = planSchema.safeParse(merged);
  if (result.success) return freeze(name, result.data);
  throw new PlanError(`overrides of plan ${describeValue(name)}: ${describeIssues(result.error, merged)}`, {
    cause: result.error,
  });
}

function freeze<Name extends string>(name: Name, sections: PlanSections): Plan<Name> {
  const { rateLimit, quota, cache, database, pageSize, queue, realtime } = sections;
  return Object.freeze({ name, rateLimit, quota, cache, database, pageSize, queue, realtime });
}

/**
 * Merges objects key by key. Everything else is replaced: lists, scalars, and objects with a `kind`.
 * `__proto__` is a key like any other.
 */
function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isRecord(base) || !isRecord(over) || Object.hasOwn(over, "kind")) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [
      key,
      merge(Object.hasOwn(base, key) ? base[key] : undefined, Object.hasOwn(over, key) ? over[key] : undefined),
    ]),
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function nameTable<Name extends string>(
  names: readonly Name[],
  aliases: Readonly<Record<string, Name>>,
): Map<string, Name> {
  const table = new Map<string, Name>(names.map((name) => [name, name]));
  for (const [alias, name] of Object.entries<Name>(aliases)) {
    if (!names.includes(name)) {
      throw new ConfigError(
        `definePlans: alias ${describeValue(alias)} points to unknown plan ${describeValue(name)}, known: ${names.join(", ")}`,
      );
    }
    if (table.has(alias)) throw new ConfigError(`definePlans: alias ${describeValue(alias)} is taken already`);
    table.set(alias, name);
  }
  return table;
}
