import type { Clock } from "@scale/core";
import type { FlagDefinitions } from "../define.js";
import { type CompiledFlags, compileFlags, type DegradeStates } from "../document/compile.js";
import { parseDocument } from "../document/parse.js";
import type { FlagSettings } from "../document/settings.js";
import { documentRefuse, flagChange } from "../events.js";
import type { FlagOrigin, FlagStatus } from "../types.js";
import type { FlagDocument } from "./types.js";

/** The rules in force, where they come from, and when they were last confirmed. */
export interface CurrentRules {
  /** Compiled flags by key. Replaced as a whole, so that an evaluation never sees half of a change. */
  readonly flags: CompiledFlags;
  /** Settings by key, also of flags that this process does not define. */
  readonly settings: ReadonlyMap<string, FlagSettings>;
  readonly document: FlagDocument | undefined;
  /**
   * Puts a document in force, as a whole or not at all.
   * @param confirmedAt monotonic time at which its source had it
   * @returns false when it is refused: then nothing changes
   */
  apply(document: FlagDocument, from: "live" | "file", confirmedAt: number): boolean;
  /** Publishes that a document was refused before it was read. */
  refuse(about: Pick<FlagDocument, "revision" | "version">, from: "live" | "file", error: unknown): void;
  /** The live source had the document in force at this monotonic time. */
  confirm(at: number): void;
  isStale(): boolean;
  status(): FlagStatus;
}

interface CurrentRulesOptions {
  readonly definitions: FlagDefinitions;
  readonly degrade: DegradeStates;
  readonly maxBytes: number;
  readonly maxStalenessMs: number;
  readonly clock: Clock;
  /** Called after a document came into force. */
  onChange(): void;
  /** Called whenever the live source has the document in force. */
  onConfirm(): void;
}

/** Everything that one document brings into force, replaced as a whole. */
interface Rules {
  readonly flags: CompiledFlags;
  readonly settings: ReadonlyMap<string, FlagSettings>;
  readonly document: FlagDocument | undefined;
}

export function createCurrentRules(options: CurrentRulesOptions): CurrentRules {
  const { definitions, degrade, maxStalenessMs, clock, onChange, onConfirm } = options;
  const none: Rules["settings"] = new Map();
  let rules: Rules = { flags: compileFlags(definitions, none, degrade), settings: none, document: undefined };
  let from: FlagOrigin = "default";
  let confirmedAt = -Infinity;

  const isStale = (): boolean =>
    // The clock is read only with a bound: reading it costs more than the rest of an evaluation.
    maxStalenessMs !== Infinity && rules.document !== undefined && clock.monotonic() - confirmedAt > maxStalenessMs;

  return {
    get flags() {
      return rules.flags;
    },
    get settings() {
      return rules.settings;
    },
    get document() {
      return rules.document;
    },
    apply(document, origin, at) {
      const before = rules;
      const next = read(document, origin, options);
      if (next === undefined) return false;
      [rules, from, confirmedAt] = [next, origin, at];
      publishChanges(before, next, { document, from, isFirst: before.document === undefined });
      if (origin === "live") onConfirm();
      onChange();
      return true;
    },
    refuse,
    confirm(at) {
      from = "live";
      confirmedAt = Math.max(confirmedAt, at);
      onConfirm();
    },
    isStale,
    status() {
      const { version = 0, revision = "", changedBy, changedAt } = rules.document ?? {};
      const ageMs = rules.document && clock.monotonic() - confirmedAt;
      return { from, version, revision, ageMs, isStale: isStale(), changedBy, changedAt };
    },
  };
}

/** @returns `undefined` for a document that is refused, which is published */
function read(
  document: FlagDocument,
  from: "live" | "file",
  { definitions, degrade, maxBytes }: CurrentRulesOptions,
): Rules | undefined {
  try {
    const settings = parseDocument(document.text, maxBytes);
    return { flags: compileFlags(definitions, settings, degrade), settings, document };
  } catch (error) {
    refuse(document, from, error);
    return undefined;
  }
}

const refuse: CurrentRules["refuse"] = ({ revision, version }, from, error) =>
  documentRefuse.publish(() => ({ from, revision, version, error }));

/** Publishes one event for each flag whose settings differ, flags of other versions of the application included. */
function publishChanges(
  { settings: before }: Rules,
  { settings: after }: Rules,
  { document, from, isFirst }: { document: FlagDocument; from: FlagOrigin; isFirst: boolean },
): void {
  const { version, changedBy, changedAt, note } = document;
  for (const flag of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(flag), after.get(flag)];
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    flagChange.publish(() => ({
      ...{ flag, before: old, after: now, version, from, changedBy, changedAt, note, isFirst },
    }));
  }
}
