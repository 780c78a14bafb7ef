import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { mask, maskInvalid } from "./mask.js";
import { settings } from "./table.js";
import type { SettingName, SettingSource, VariableName } from "./types.js";
import { expectedOf, InvalidValue } from "./values.js";

/** Variables by name, in the form of `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A string that may be the value of a setting, and the variable it comes from. */
export interface Candidate {
  readonly from: string;
  readonly raw: string;
}

/** Value of a setting that no variable sets. */
export type Fallback = string | number | boolean | undefined;

export interface Field<T, F extends Fallback> {
  readonly setting: SettingName;
  /** Returns `undefined` or `InvalidValue` for a string that is not a valid value. */
  readonly parse: (raw: string) => T | InvalidValue | undefined;
  readonly fallback: F;
  /** Candidates besides the setting's own variables, such as a parameter of a URL. */
  readonly extraCandidates?: readonly Candidate[];
}

export interface Reading<V> {
  /** The fallback unless `state` is `set`. */
  readonly value: V;
  readonly state: "set" | "default" | "invalid";
  readonly from: readonly string[];
}

/** Reads settings one by one and collects problems until `finish`, so that one error names all of them. */
export interface Reader {
  read<T, F extends Fallback>(field: Field<T, F>): Reading<T | F>;
  /** Adds a problem between settings that are valid on their own. */
  addProblem(line: string): void;
  /** Adds a problem when no variable sets the setting. Call it after the setting was read. */
  requireVariable(setting: SettingName, reason?: string): void;
  /** @throws {ConfigError} with one line for each problem */
  finish(): Record<SettingName, SettingSource>;
}

export function createReader(env: Environment): Reader {
  const problems: string[] = [];
  const sources = new Map<SettingName, SettingSource>();
  // Settings that already have a problem: a second line for the same setting would not help.
  const reported = new Set<SettingName>();

  return {
    read({ setting, parse, fallback, extraCandidates = [] }) {
      const candidates = [...candidatesOf(env, setting), ...extraCandidates];
      const from = [...new Set(candidates.map((candidate) => candidate.from))];
      const result = resolveCandidates(setting, candidates, parse);
      if ("problems" in result) {
        problems.push(...result.problems);
        reported.add(setting);
        return { value: fallback, state: "invalid", from };
      }
      sources.set(setting, sourceOf(setting, candidates, fallback));
      return result.found ? { value: result.value, state: "set", from } : { value: fallback, state: "default", from };
    },
    addProblem(line) {
      problems.push(line);
    },
    requireVariable(setting, reason = "") {
      if (reported.has(setting) || sources.get(setting)?.is === "variable") return;
      const { name, aliases } = settings[setting];
      const or = aliases.length === 0 ? "" : ` (or ${aliases.join(" or ")})`;
      problems.push(`${name}${or}: expected ${expectedOf(setting)}${reason}, got nothing`);
      reported.add(setting);
    },
    finish() {
      // Complete, because loading reads every setting.
      if (problems.length === 0) return Object.fromEntries(sources) as Record<SettingName, SettingSource>;
      const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
      throw new ConfigError([`loadScaleEnv: ${count}`, ...problems].join("\n  "));
    },
  };
}

/** The variables of a setting that are set. An empty one counts as not set, because shells clear variables that way. */
function candidatesOf(env: Environment, setting: SettingName): Candidate[] {
  const { name, aliases } = settings[setting];
  const names: readonly VariableName[] = [name, ...aliases];
  return names.map((from) => ({ from, raw: env[from]?.trim() ?? "" })).filter(({ raw }) => raw !== "");
}

type Choice<T> = { found: true; value: T } | { found: false } | { problems: string[] };

function resolveCandidates<T>(
  setting: SettingName,
  candidates: readonly Candidate[],
  parse: Field<T, Fallback>["parse"],
): Choice<T> {
  const values: T[] = [];
  const problems: string[] = [];
  for (const { from, raw } of candidates) {
    const value = parse(raw) ?? new InvalidValue(maskInvalid(settings[setting].value.kind, raw));
    if (value instanceof InvalidValue) {
      problems.push(`${from}: expected ${value.expected ?? expectedOf(setting)}, got ${describeValue(value.shown)}`);
    } else {
      values.push(value);
    }
  }
  if (problems.length > 0) return { problems };
  const [value, ...others] = values;
  if (value === undefined) return { found: false };
  const same = others.every((other) => JSON.stringify(other) === JSON.stringify(value));
  return same ? { found: true, value } : { problems: [conflict(setting, candidates)] };
}

function conflict(setting: SettingName, candidates: readonly Candidate[]): string {
  const names = new Set(candidates.map(({ from }) => from));
  const shown = candidates.map(({ raw }) => describeValue(shownOf(setting, raw)));
  return `${[...names].join(", ")}: expected the same value in all of them, got ${shown.join(" and ")}`;
}

function sourceOf(setting: SettingName, candidates: readonly Candidate[], fallback: Fallback): SettingSource {
  const [first] = candidates;
  if (first !== undefined) {
    const variables = [...new Set(candidates.map(({ from }) => from))];
    return { is: "variable", variables, shown: shownOf(setting, first.raw) };
  }
  return fallback === undefined ? { is: "unset" } : { is: "default", shown: String(fallback) };
}

const shownOf = (setting: SettingName, raw: string): string => mask(settings[setting].value.kind, raw);
