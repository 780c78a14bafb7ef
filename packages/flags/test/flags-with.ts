import { randomUUID } from "node:crypto";
import type { FlagSettings } from "../src/document/settings.js";
import {
  createFlags,
  type FlagDefinitions,
  type Flags,
  type FlagSource,
  type FlagsOptions,
  memorySource,
} from "../src/index.js";

/** Settings by flag, without the types: tests also write what the types forbid. */
export type Settings = Readonly<Record<string, FlagSettings>>;

/** A memory source that has a document. */
export async function sourceWith(settings: Settings): Promise<Required<FlagSource>> {
  const source = memorySource();
  await writeText(source, JSON.stringify({ flags: settings }));
  return source;
}

/** Replaces the text of the document, as another tool would: unchecked. */
export async function writeText(source: FlagSource, text: string): Promise<string> {
  const answer = await source.read({ known: undefined, maxBytes: 2 ** 40 });
  const base = answer.is === "document" ? answer.document.revision : undefined;
  const revision = randomUUID();
  const by = { changedBy: "tool", changedAt: 0, note: undefined };
  const outcome = await source.write?.({ base, revision, after: 0, text, ...by });
  if (outcome?.is !== "written") throw new Error(`the test's document was not written: ${outcome?.is}`);
  return revision;
}

/** Flags whose document is in force. */
export async function flagsWith<D extends FlagDefinitions>(
  flags: D,
  settings: Settings,
  options: Partial<FlagsOptions<D>> = {},
): Promise<Flags<D>> {
  const created = createFlags<D>({ source: await sourceWith(settings), flags, ...options });
  await created.ready();
  return created;
}
