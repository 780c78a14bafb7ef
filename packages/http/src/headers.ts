import { describeValue } from "@scale/core/kit";

/** Header values by name, as guards return them. */
export type HeaderSet = Readonly<Record<string, string>>;

/** Header operations on the response of a framework. Names have the case that the guard used. */
export interface HeaderTarget {
  get(name: string): string | undefined;
  /** Replaces the value. */
  set(name: string, value: string): void;
  /** Adds a line and keeps the existing ones. */
  add(name: string, value: string): void;
}

// Lists by definition: a later value is appended to an earlier one instead of replacing it.
const LIST_HEADERS: ReadonlySet<string> = new Set(["ratelimit", "ratelimit-policy", "server-timing", "vary"]);
/** Lists that name each of their items once: a later item replaces an earlier one of its name. */
const KEYED_LISTS: ReadonlySet<string> = new Set(["ratelimit", "ratelimit-policy"]);
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const NOT_A_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/**
 * Merges the headers of two guards. Names are compared without case. The later value wins, except for `Vary`,
 * `RateLimit`, `RateLimit-Policy` and `Server-Timing`: they are lists and get both. A policy occurs in the two `RateLimit`
 * lists once, with its later item.
 */
export function mergeHeaders(earlier: HeaderSet, later: HeaderSet): HeaderSet {
  if (haveOwnNames(earlier, later)) return { ...earlier, ...later };
  const merged = new Map(Object.entries(earlier).map((entry) => [entry[0].toLowerCase(), entry]));
  for (const [name, value] of Object.entries(later)) {
    const key = name.toLowerCase();
    merged.set(key, [name, joinValues(key, merged.get(key)?.[1], value)]);
  }
  return Object.fromEntries(merged.values());
}

/** True when no name occurs twice, as for most guards. */
function haveOwnNames(earlier: HeaderSet, later: HeaderSet): boolean {
  const seen: string[] = [];
  for (const headers of [earlier, later]) {
    for (const name of Object.keys(headers)) {
      const key = name.toLowerCase();
      // A few names: a list is faster than a set.
      if (seen.includes(key)) return false;
      seen.push(key);
    }
  }
  return true;
}

/**
 * Writes the headers of a guard to a response: appends to lists, adds cookies, replaces all others.
 * @throws {TypeError} for a name or value that HTTP does not allow; no header is set then
 */
export function writeHeaders(headers: HeaderSet, target: HeaderTarget): void {
  for (const [name, value] of Object.entries(checkHeaders(headers))) {
    const key = name.toLowerCase();
    if (key === "set-cookie") target.add(name, value);
    else target.set(name, joinValues(key, target.get(name), value));
  }
}

/**
 * Checks headers the same way in every adapter. Platforms differ: one throws for a line break in a value, another trims it.
 * @throws {TypeError} for a name or value that HTTP does not allow
 */
export function checkHeaders(headers: HeaderSet): HeaderSet {
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name)) throw new TypeError(`header name: expected a token, got ${describeValue(name)}`);
    if (typeof value !== "string" || NOT_A_VALUE.test(value)) {
      throw new TypeError(`header ${name}: expected a string without control characters, got ${describeValue(value)}`);
    }
  }
  return headers;
}

/**
 * Joins two values of a header.
 * @param key name of the header in lower case
 */
export function joinValues(key: string, earlier: string | undefined, later: string): string {
  if (!LIST_HEADERS.has(key) || earlier === undefined || earlier === "") return later;
  // An empty list adds nothing.
  if (later === "") return earlier;
  const kept = KEYED_LISTS.has(key) ? withoutItemsOf(earlier, later) : earlier;
  return kept === "" ? later : `${kept}, ${later}`;
}

/** An item of a list: quoted strings, in which a comma is text, and everything else up to the next comma. */
const ITEM = /(?:"(?:[^"\\]|\\.)*"|[^",])+/g;
/** The name of an item: a quoted string, a key before `=`, or the part before the parameters. */
const ITEM_NAME = /^(?:"(?:[^"\\]|\\.)*"|[^;=]*)/;

const itemsOf = (list: string): string[] => (list.match(ITEM) ?? []).map((item) => item.trim());
const itemName = (item: string): string => ITEM_NAME.exec(item)?.[0] ?? item;

function withoutItemsOf(earlier: string, later: string): string {
  const replaced = new Set(itemsOf(later).map(itemName));
  return itemsOf(earlier)
    .filter((item) => !replaced.has(itemName(item)))
    .join(", ");
}
