import { StoreError } from "@scale/core";
import { digitsUntil } from "../../definition/parse-digits.js";
import type { ReadResult, StoredEntry } from "../../store.js";

/** Stands for a value that another program wrote under the key. It is never fresh, so it is loaded again. */
const UNREADABLE: StoredEntry = { text: "", ageMs: 0, freshMs: 0, usableMs: 0, tags: [] };
const NO_TAGS: readonly string[] = [];
const DOT = 46;

/** Parses what `read.lua` returns for one entry. */
export function parseReply(reply: unknown, now: number, token: string): ReadResult {
  if (typeof reply !== "string") throw unexpectedReply("a string for each entry", reply);
  const kind = reply.charAt(0);
  if (kind === "V" || kind === "T") return { is: "value", stored: parseEntry(reply, now) };
  const old = reply.length > 1 ? parseEntry(reply.slice(1), now) : undefined;
  return kind === "H" ? { is: "leased", token, old } : { is: "busy", old };
}

/**
 * Parses an entry as `read.lua` describes it: `V<generation>.<n>.<version>.<filledAtMs>.<freshMs>.<usableMs>.<tags>|<text>`.
 * It is parsed by hand because every read does it, and a regular expression would allocate ten objects.
 * @param now time of the server, in milliseconds since the epoch
 */
export function parseEntry(entry: string, now: number): StoredEntry {
  const bar = entry.indexOf("|");
  const filledFrom = after(entry, after(entry, after(entry, 1)));
  const freshFrom = after(entry, filledFrom);
  const usableFrom = after(entry, freshFrom);
  const tagsFrom = after(entry, usableFrom);
  if (filledFrom === 0 || freshFrom === 0 || usableFrom === 0 || tagsFrom === 0 || bar < tagsFrom) return UNREADABLE;
  const filledAt = digitsUntil(entry, filledFrom, DOT);
  const freshMs = digitsUntil(entry, freshFrom, DOT);
  const usableMs = digitsUntil(entry, usableFrom, DOT);
  if (filledAt < 0 || freshMs < 0 || usableMs < 0) return UNREADABLE;
  return {
    text: entry.slice(bar + 1),
    // After a failover the clock of the new primary may be earlier than that of the old one.
    ageMs: Math.max(0, now - filledAt),
    freshMs,
    usableMs,
    tags: bar === tagsFrom ? NO_TAGS : entry.slice(tagsFrom, bar).split(":"),
  };
}

/** The index at which the next field begins. 0 if there is none, and if `from` is 0. */
function after(text: string, from: number): number {
  return from === 0 ? 0 : text.indexOf(".", from) + 1;
}

/** The reply itself is not in the message, because it may be a tenant's data. */
export function unexpectedReply(expected: string, got: unknown): StoreError {
  return new StoreError(`unexpected reply from Redis: expected ${expected}, got ${got === null ? "null" : typeof got}`);
}
