import { InputError, tenancy } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { FlagDefinitions, FlagValue } from "./define.js";
import { createBinding, type DegradeBinding } from "./degrade/binding.js";
import { startSampler } from "./degrade/sampler.js";
import type { CompiledFlag } from "./document/compiled.js";
import type { FlagSettings } from "./document/settings.js";
import type { EvaluationContext } from "./evaluate/context.js";
import { evaluate } from "./evaluate/evaluate.js";
import { traceRules } from "./evaluate/explain.js";
import { createExposures } from "./exposure.js";
import { type FlagsOptions, type ParsedFlagsOptions, parseFlagsOptions } from "./options.js";
import { createOverrides } from "./overrides.js";
import { type ChangeAuthor, type ChangeResult, createEditor } from "./source/edit.js";
import { createLifecycle } from "./source/lifecycle.js";
import type { Explanation, FlagStatus, FlagSubject } from "./types.js";

export interface Flags<D extends FlagDefinitions = FlagDefinitions> {
  /** The definitions that it was created with. */
  readonly definitions: D;
  /**
   * Returns the value of a flag at once, from memory. Allocates nothing.
   * @param subject defaults to the tenant and user of `tenancy`
   * @throws {InputError} for a flag that is not defined; with TypeScript it does not compile
   */
  get<K extends keyof D & string>(key: K, subject?: FlagSubject): FlagValue<D, K>;
  /** Returns the value, the reason for it, every rule that was tried, and the age of the source. Publishes no exposure. */
  explain<K extends keyof D & string>(key: K, subject?: FlagSubject): Explanation<FlagValue<D, K>>;
  /**
   * Runs `work` with other values for some flags: in tests, and for a request of a member of the staff. They hold for
   * everything that `work` starts. A kill switch and a degraded signal win over them.
   * @throws {InputError} for an unknown flag, or a value that it cannot have
   */
  override<T>(values: { readonly [K in keyof D]?: FlagValue<D, K> }, work: () => T): T;
  /**
   * Replaces the settings of one flag in the live source, for all processes. `undefined` removes them.
   * @throws {InputError} for settings that a process would refuse
   * @throws {StoreError | TimeoutError} when the source did not answer; after a TimeoutError the change may still happen
   */
  set<K extends keyof D & string>(
    key: K,
    settings: FlagSettings<FlagValue<D, K>> | undefined,
    author: ChangeAuthor,
  ): Promise<ChangeResult>;
  /** Turns the kill switch of a flag on, and leaves its other settings. Throws as `set`. */
  kill(key: keyof D & string, author: ChangeAuthor): Promise<ChangeResult>;
  /** Turns the kill switch off. Throws as `set`. */
  unkill(key: keyof D & string, author: ChangeAuthor): Promise<ChangeResult>;
  /** Returns the settings in force of one flag. */
  settings(key: keyof D & string): FlagSettings;
  /** Returns where the rules in force come from, and how old they are. */
  status(): FlagStatus;
  /** Resolves when the live source has answered once or failed once, to the status then. Evaluations need not wait for it. */
  ready(): Promise<FlagStatus>;
  /** Reads the live source now. Failures are published, as those of polls. */
  refresh(): Promise<FlagStatus>;
  /**
   * Calls `listener` after other rules came into force.
   * @returns a function that ends it
   */
  onChange(listener: () => void): () => void;
  /** Stops polls and signals, and writes what is left to the last-known-good file. Evaluations keep working. */
  close(): Promise<void>;
}

/** Milliseconds between two readings of a signal that reports no changes. */
const SAMPLE_MS = 250;

const NO_SUBJECT: FlagSubject = Object.freeze({});

/**
 * Creates the flags of a process. Rules come from the live source, until it answers from the last-known-good file, and before
 * that flags have their defaults.
 * @throws {ConfigError} that names every wrong option
 */
export function createFlags<D extends FlagDefinitions>(options: FlagsOptions<D>): Flags<D> {
  const { flags: definitions, source, clock, planOf, ...parsed } = parseFlagsOptions(options);
  const bindings = createBindings(definitions, parsed.degrade);
  const stopSampler = startSampler([...bindings.values()], SAMPLE_MS, clock);
  const { current, ...lifecycle } = createLifecycle({ ...parsed, definitions, source, clock, degrade: bindings });
  const overrides = createOverrides(definitions);
  const context: EvaluationContext = { clock, planOf, overrideOf: overrides.find, isStale: current.isStale };
  const expose = createExposures(parsed.exposures, clock);
  const editor = createEditor({ source, current, definitions, clock, ...parsed.refresh }, lifecycle.refresh);

  function find(key: string): CompiledFlag {
    const flag = current.flags.get(key);
    if (flag === undefined) throw new InputError(`expected a defined flag, got ${describeValue(key)}`);
    return flag;
  }

  const flags: Flags = {
    definitions,
    get(key, subject = tenancy.current() ?? NO_SUBJECT) {
      const verdict = evaluate(find(key), subject, context);
      expose(key, subject, verdict);
      return verdict.value;
    },
    explain(key, subject = tenancy.current() ?? NO_SUBJECT) {
      const flag = find(key);
      const { value, reason, rule, variant, detail } = evaluate(flag, subject, context);
      const rules = traceRules(flag, reason, { subject, context });
      return { flag: key, value, reason, rule, variant, detail, rules, source: current.status() };
    },
    override: overrides.run,
    set: editor.set,
    kill: editor.kill,
    unkill: editor.unkill,
    settings: (key) => current.settings.get(find(key).key) ?? {},
    status: current.status,
    ready: lifecycle.ready,
    refresh: lifecycle.refresh,
    onChange: lifecycle.onChange,
    async close() {
      stopSampler();
      await lifecycle.close();
    },
  };
  // The keys and value types of `D` are those of `definitions`, which checks every value.
  return flags as Flags<D>;
}

function createBindings(
  definitions: FlagDefinitions,
  degrade: ParsedFlagsOptions["degrade"],
): Map<string, DegradeBinding> {
  const bindings = new Map<string, DegradeBinding>();
  for (const [key, options] of Object.entries(degrade)) {
    const definition = definitions[key];
    if (definition !== undefined && options !== undefined) bindings.set(key, createBinding(key, definition, options));
  }
  return bindings;
}
