import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { mask } from "./mask.js";
import { settings } from "./table.js";
import type { SettingName, SettingSource, VariableName } from "./types.js";
import { expectation, Refused } from "./values.js";

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A text that may be the value of a setting, and where it was found. */
export interface Candidate {
  readonly from: string;
  readonly raw: string;
}

/** What a setting has when it is not set. */
export type Fallback = string | number | boolean | undefined;

export interface Field<T, F extends Fallback> {
  readonly setting: SettingName;
  /** `undefined` and `Refused` say that the text cannot be the value. */
  readonly parse: (raw: string) => T | Refused | undefined;
  readonly fallback: F;
  /** Candidates from elsewhere than the setting's own variables. */
  readonly also?: readonly Candidate[];
}

export interface Reading<V> {
  /** The fallback unless `state` is `given`. */
  readonly value: V;
  readonly state: "given" | "default" | "refused";
  readonly from: readonly string[];
}

/** Reads settings one by one and keeps what is wrong until `finish`, so that one error names everything. */
export interface Reader {
  read<T, F extends Fallback>(field: Field<T, F>): Reading<T | F>;
  /** Adds a problem between settings that are right each on its own. */
  problem(line: string): void;
  /** Adds a problem when a setting that was read has no value but its default. */
  need(setting: SettingName, because?: string): void;
  /** @throws {ConfigError} with one line for each problem */
  finish(): Record<SettingName, SettingSource>;
}

export function createReader(env: Environment): Reader {
  const problems: string[] = [];
  const sources = new Map<SettingName, SettingSource>();
  // Settings that have their problem already.
  const blamed = new Set<SettingName>();

  return {
    read({ setting, parse, fallback, also = [] }) {
      const candidates = [...candidatesOf(env, setting), ...also];
      const from = [...new Set(candidates.map((candidate) => candidate.from))];
      const result = choose(setting, candidates, parse);
      if ("problems" in result) {
        problems.push(...result.problems);
        blamed.add(setting);
        return { value: fallback, state: "refused", from };
      }
      sources.set(setting, sourceOf(setting, candidates, fallback));
      return result.found ? { value: result.value, state: "given", from } : { value: fallback, state: "default", from };
    },
    problem(line) {
      problems.push(line);
    },
    need(setting, because = "") {
      if (blamed.has(setting) || sources.get(setting)?.is === "variable") return;
      const { name, aliases } = settings[setting];
      const or = aliases.length === 0 ? "" : ` (or ${aliases.join(" or ")})`;
      problems.push(`${name}${or}: expected ${expectation(setting)}${because}, got nothing`);
      blamed.add(setting);
    },
    finish() {
      // Complete by now: loading reads every setting.
      if (problems.length === 0) return Object.fromEntries(sources) as Record<SettingName, SettingSource>;
      const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
      throw new ConfigError([`loadScaleEnv: ${count}`, ...problems].join("\n  "));
    },
  };
}

/** The variables of a setting that are set. An empty one counts as not set: that is how a shell clears one. */
function candidatesOf(env: Environment, setting: SettingName): Candidate[] {
  const { name, aliases } = settings[setting];
  const names: readonly VariableName[] = [name, ...aliases];
  return names.map((from) => ({ from, raw: env[from]?.trim() ?? "" })).filter(({ raw }) => raw !== "");
}

type Choice<T> = { found: true; value: T } | { found: false } | { problems: string[] };

function choose<T>(
  setting: SettingName,
  candidates: readonly Candidate[],
  parse: Field<T, Fallback>["parse"],
): Choice<T> {
  const values: T[] = [];
  const problems: string[] = [];
  for (const { from, raw } of candidates) {
    const value = parse(raw) ?? new Refused(shownOf(setting, raw));
    if (value instanceof Refused) {
      problems.push(`${from}: expected ${value.expected ?? expectation(setting)}, got ${describeValue(value.shown)}`);
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
  return `${[...names].join(", ")}: expected one value for what is one setting, got ${shown.join(" and ")}`;
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
