import { InputError } from "@scale/core";
import type { FlagDefinition, FlagDefinitions } from "../define.js";
import type { FlagReason } from "../types.js";
import type { CompiledFlag, CompiledList, CompiledPrerequisite, Verdict } from "./compiled.js";
import { compileRule } from "./compile-rule.js";
import { prerequisiteOrder } from "./prerequisites.js";
import type { FlagSettings } from "./settings.js";

export type CompiledFlags = ReadonlyMap<string, CompiledFlag>;
export type DegradeStates = ReadonlyMap<string, NonNullable<CompiledFlag["degrade"]>>;

/**
 * Compiles the settings of all defined flags. Entries of flags that this process does not define are ignored: they belong to
 * another version of the application.
 * @throws {InputError} that names the flag, for a value that the flag cannot have and for prerequisites that form a circle
 */
export function compileFlags(
  definitions: FlagDefinitions,
  settings: ReadonlyMap<string, FlagSettings>,
  degrade: DegradeStates,
): CompiledFlags {
  const compiled = new Map<string, CompiledFlag>();
  for (const key of prerequisiteOrder(definitions, settings)) {
    const definition = definitions[key];
    if (definition === undefined) continue;
    const own = settings.get(key) ?? {};
    try {
      const requires = (own.requires ?? []).map((each) =>
        compilePrerequisite(each, { key, definition, definitions, compiled }),
      );
      compiled.set(key, compileFlag(own, { key, definition, requires, degrade: degrade.get(key) }));
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new InputError(`flag ${key}: ${problem}`, { cause });
    }
  }
  return compiled;
}

/** Builds the results of one flag. */
export const verdict = (
  value: unknown,
  reason: FlagReason,
  more: { readonly rule?: string; readonly variant?: string; readonly detail?: string } = {},
): Verdict => Object.freeze({ value, reason, rule: more.rule, variant: more.variant, detail: more.detail });

interface FlagParts {
  readonly key: string;
  readonly definition: FlagDefinition;
  readonly requires: readonly CompiledPrerequisite[];
  readonly degrade: CompiledFlag["degrade"];
}

function compileFlag(settings: FlagSettings, { key, definition, requires, degrade }: FlagParts): CompiledFlag {
  const { killed = false, deny, allow, rules = [], salt = key } = settings;
  const off = (reason: FlagReason): Verdict => verdict(definition.off, reason);
  return Object.freeze({
    key,
    degrade,
    requires,
    killed: killed ? off("KILLED") : undefined,
    stale: verdict(definition.default, "STALE"),
    deny: deny && compileList(deny, off("DENIED")),
    allow: allow && compileList(allow, verdict(valueOf(definition, allow.value), "ALLOWED")),
    rules: rules.map((rule, i) =>
      compileRule(rule, { id: rule.id ?? `rule-${i + 1}`, salt, valueOf: (value) => valueOf(definition, value) }),
    ),
    noKey: verdict(definition.default, "NO_KEY"),
    fallback: verdict(definition.default, "DEFAULT"),
  });
}

/** Value of a rule or of the allow list: rules of a `bool` need not name it. */
function valueOf(definition: FlagDefinition, value: unknown): unknown {
  if (value === undefined && definition.kind !== "bool") {
    throw new InputError(`expected a value for a flag of the kind ${definition.kind}, got none`);
  }
  return definition.parse(value === undefined ? true : value);
}

function compileList(
  { tenants = [], users = [] }: { readonly tenants?: readonly string[]; readonly users?: readonly string[] },
  result: Verdict,
): CompiledList {
  return { tenants: new Set(tenants), users: new Set(users), verdict: result };
}

function compilePrerequisite(
  { flag, is = true }: { readonly flag: string; readonly is?: unknown },
  of: {
    readonly key: string;
    readonly definition: FlagDefinition;
    readonly definitions: FlagDefinitions;
    readonly compiled: ReadonlyMap<string, CompiledFlag>;
  },
): CompiledPrerequisite {
  const required = of.compiled.get(flag);
  const definition = of.definitions[flag];
  if (required === undefined || definition === undefined) {
    // Another version of the application defines it. Refusing the document would keep kill switches from this process.
    const detail = `requires ${flag}, which this process does not define`;
    return { flag: undefined, is, unmet: verdict(of.definition.off, "PREREQUISITE", { detail }) };
  }
  // Values are compared by identity, which those of `json` do not have.
  if (definition.kind === "json") throw new InputError(`requires: expected a flag that is not json, got ${flag}`);
  const unmet = verdict(of.definition.off, "PREREQUISITE", { detail: `requires ${flag}` });
  return { flag: required, is: definition.parse(is), unmet };
}
