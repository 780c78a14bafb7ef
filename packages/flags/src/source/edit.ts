import { randomUUID } from "node:crypto";
import { type Clock, InputError, StoreError } from "@scale/core";
import { createDeadline } from "@scale/core/kit";
import type { FlagDefinitions } from "../define.js";
import { compileFlags } from "../document/compile.js";
import { documentText, parseDocument } from "../document/parse.js";
import type { FlagSettings } from "../document/settings.js";
import { settingsWrite } from "../events.js";
import type { CurrentRules } from "./current.js";
import type { FlagSource, SourceAnswer } from "./types.js";

export interface ChangeAuthor {
  /** Person or program that makes the change. It appears in the audit event. */
  readonly by: string;
  /** Reason of the change. */
  readonly note?: string;
}

export interface ChangeResult {
  readonly version: number;
}

/** Changes one flag in the live source. Other flags stay as they are there, also those this process does not define. */
export interface Editor {
  set(key: string, settings: FlagSettings | undefined, author: ChangeAuthor): Promise<ChangeResult>;
  kill(key: string, author: ChangeAuthor): Promise<ChangeResult>;
  unkill(key: string, author: ChangeAuthor): Promise<ChangeResult>;
}

interface EditorOptions {
  readonly source: FlagSource | undefined;
  readonly current: CurrentRules;
  readonly definitions: FlagDefinitions;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly clock: Clock;
}

type Change = (settings: FlagSettings) => FlagSettings | undefined;

/** Attempts when other changes come first. */
const ATTEMPTS = 10;

/** @param refresh reads the live source, so that the process that made a change has it when the change resolves */
export function createEditor(options: EditorOptions, refresh: () => Promise<unknown>): Editor {
  const edit = createEdit(options);
  async function change(key: string, author: ChangeAuthor, to: Change): Promise<ChangeResult> {
    const written = await edit(key, author, to);
    await refresh();
    return written;
  }
  return {
    set: (key, settings, author) => change(key, author, () => settings),
    kill: (key, author) => change(key, author, (settings) => ({ ...settings, killed: true })),
    unkill: (key, author) => change(key, author, ({ killed: _killed, ...settings }) => settings),
  };
}

function createEdit(
  options: EditorOptions,
): (key: string, author: ChangeAuthor, change: Change) => Promise<ChangeResult> {
  const { source, current, definitions, maxBytes, clock } = options;
  const deadline = createDeadline(options.timeoutMs);
  const what = `flag source ${source?.name}`;

  /**
   * Settings that a change starts from. A source that lost its document, or has one that processes refuse, gets the settings
   * in force back with the next change: a kill switch must not depend on the repair of another flag.
   */
  function settingsOf(answer: SourceAnswer): ReadonlyMap<string, FlagSettings> {
    if (answer.is !== "document") return current.settings;
    try {
      const settings = parseDocument(answer.document.text, maxBytes);
      compileFlags(definitions, settings, new Map());
      return settings;
    } catch {
      // The refusal was published when the document was read.
      return current.settings;
    }
  }

  return async (key, { by, note }, change) => {
    if (source?.write === undefined) throw new StoreError("flags: expected a source with write, got none");
    if (!Object.hasOwn(definitions, key)) throw new InputError(`flags: expected a defined flag, got ${key}`);
    if (typeof by !== "string" || by === "")
      throw new InputError("flags: by: expected the author of the change, got none");
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // From the source itself: this process may not have heard of the last change yet.
      const answer = await deadline(source.read({ known: undefined, maxBytes }), what);
      const settings = new Map(settingsOf(answer));
      const before = settings.get(key);
      const next = change(before ?? {});
      if (next === undefined) settings.delete(key);
      else settings.set(key, next);
      const text = checkedText(key, settings, { definitions, maxBytes });
      const of = { revision: randomUUID(), after: current.document?.version ?? 0 };
      const write = { base: baseOf(answer), text, changedBy: by, changedAt: clock.now(), note, ...of };
      const outcome = await deadline(source.write(write), what);
      if (outcome.is !== "written") continue;
      const { version } = outcome;
      settingsWrite.publish(() => ({ flag: key, before, after: next, version, changedBy: by, note }));
      return { version };
    }
    throw new StoreError(`flags: ${key}: ${ATTEMPTS} other changes came first; try again`);
  };
}

function baseOf(answer: SourceAnswer): string | undefined {
  if (answer.is === "document") return answer.document.revision;
  return answer.is === "too-large" ? answer.revision : undefined;
}

/**
 * The document as every process will read it.
 * @throws {InputError} when a process would refuse it, and for a prerequisite that is not defined here
 */
function checkedText(
  key: string,
  settings: ReadonlyMap<string, FlagSettings>,
  { definitions, maxBytes }: { definitions: FlagDefinitions; maxBytes: number },
): string {
  const text = documentText(settings);
  const parsed = parseDocument(text, maxBytes);
  for (const { flag } of parsed.get(key)?.requires ?? []) {
    if (!Object.hasOwn(definitions, flag)) {
      throw new InputError(`flag ${key}: requires: expected a defined flag, got ${flag}`);
    }
  }
  compileFlags(definitions, parsed, new Map());
  return text;
}
