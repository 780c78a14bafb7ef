import { digitsUntil } from "../../definition/parse-digits.js";
import type { StoredEntry } from "../../store.js";

/** What was written there by somebody else: nothing can be read from it. */
const FOREIGN: StoredEntry = { text: "", ageMs: 0, freshMs: 0, usableMs: 0, tags: [] };
const NO_TAGS: readonly string[] = [];
const DOT = 46;

/**
 * Reads an entry as `read.lua` describes it: `V<generation>.<n>.<version>.<filledAtMs>.<freshMs>.<usableMs>.<tags>|<text>`.
 * By hand, because it is on the way of every read, and a regular expression makes ten objects.
 * @param now of the server, ms since the epoch
 */
export function storedOf(entry: string, now: number): StoredEntry {
  const bar = entry.indexOf("|");
  const filledFrom = after(entry, after(entry, after(entry, 1)));
  const freshFrom = after(entry, filledFrom);
  const usableFrom = after(entry, freshFrom);
  const tagsFrom = after(entry, usableFrom);
  if (filledFrom === 0 || freshFrom === 0 || usableFrom === 0 || tagsFrom === 0 || bar < tagsFrom) return FOREIGN;
  const filledAt = digitsUntil(entry, filledFrom, DOT);
  const freshMs = digitsUntil(entry, freshFrom, DOT);
  const usableMs = digitsUntil(entry, usableFrom, DOT);
  if (filledAt < 0 || freshMs < 0 || usableMs < 0) return FOREIGN;
  return {
    text: entry.slice(bar + 1),
    // A replica that became the master may have a clock behind that of the one before.
    ageMs: Math.max(0, now - filledAt),
    freshMs,
    usableMs,
    tags: bar === tagsFrom ? NO_TAGS : entry.slice(tagsFrom, bar).split(":"),
  };
}

/** Where the field after this one begins, or 0 when there is none, also when this one is 0. */
function after(text: string, from: number): number {
  return from === 0 ? 0 : text.indexOf(".", from) + 1;
}
