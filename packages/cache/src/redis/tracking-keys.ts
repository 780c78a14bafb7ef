import { keySegment } from "@scale/core/kit";

/** What a key of a store is, of which `keys.ts` makes the text. */
export type TrackedKey =
  | { readonly is: "entry"; readonly tenantId: string; readonly key: string }
  | { readonly is: "generation"; readonly tenantId: string }
  | { readonly is: "tag"; readonly tenantId: string; readonly tag: string }
  | { readonly is: "beat"; readonly sender: string; readonly atMs: number }
  /** Of another store, whose prefix begins with this one's. */
  | { readonly is: "foreign" }
  /** Lies where only keys of the store are, and is none. */
  | { readonly is: "unknown" };

const SHARED = "shared:{shared}:";
const FOREIGN: TrackedKey = { is: "foreign" };
const UNKNOWN: TrackedKey = { is: "unknown" };

/** What a process proves with that it hears of changes. No entry, generation or tag has such a key. */
export const beatKey = (prefix: string, sender: string, atMs: number): string => `${prefix}:{beat}:b:${sender}:${atMs}`;

/** @param space the prefix of the store with its separator, as Redis sees it */
export function parseTrackedKey(space: string, text: string): TrackedKey {
  if (!text.startsWith(space)) return FOREIGN;
  const rest = text.slice(space.length);
  if (rest.startsWith(SHARED)) return partOf("", rest.slice(SHARED.length));
  if (!rest.startsWith("{")) return FOREIGN;
  const end = rest.indexOf("}:");
  const tenantId = end < 0 ? undefined : segmentText(rest.slice(1, end));
  return tenantId === undefined || tenantId === "" ? UNKNOWN : partOf(tenantId, rest.slice(end + 2));
}

function partOf(tenantId: string, part: string): TrackedKey {
  if (part === "g") return { is: "generation", tenantId };
  const rest = part.slice(2);
  if (rest === "") return UNKNOWN;
  if (part.startsWith("e:")) return { is: "entry", tenantId, key: rest };
  if (part.startsWith("t:")) return { is: "tag", tenantId, tag: rest };
  return part.startsWith("b:") ? beatOf(rest) : UNKNOWN;
}

function beatOf(text: string): TrackedKey {
  const at = text.lastIndexOf(":");
  const atMs = Number(text.slice(at + 1));
  return at > 0 && Number.isFinite(atMs) ? { is: "beat", sender: text.slice(0, at), atMs } : UNKNOWN;
}

/** The text of which `keySegment` made the segment; `undefined` when it made it of none. */
function segmentText(segment: string): string | undefined {
  const text = segment.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/g, (_all, wide?: string, narrow?: string) =>
    String.fromCharCode(Number.parseInt(wide ?? narrow ?? "", 16)),
  );
  return keySegment(text) === segment ? text : undefined;
}
