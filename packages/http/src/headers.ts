import { describeValue } from "@scale/core/kit";

/** Header names to values, as guards write them. */
export type HeaderSet = Readonly<Record<string, string>>;

/** The header operations of one framework's response. Names come in the case the guard wrote. */
export interface HeaderTarget {
  get(name: string): string | undefined;
  /** Replaces what is there. */
  set(name: string, value: string): void;
  /** Adds a line beside what is there. */
  add(name: string, value: string): void;
}

// Each of these is a list by its definition: a later value joins an earlier one instead of replacing it.
const LISTS: ReadonlySet<string> = new Set(["ratelimit", "ratelimit-policy", "server-timing", "vary"]);
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const NOT_A_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/**
 * The headers of two guards. A name both have, in any case, gets the later value; `Vary`, `RateLimit`,
 * `RateLimit-Policy` and `Server-Timing` are lists and get both.
 */
export function mergeHeaders(earlier: HeaderSet, later: HeaderSet): HeaderSet {
  const merged = new Map(Object.entries(earlier).map((entry) => [entry[0].toLowerCase(), entry]));
  for (const [name, value] of Object.entries(later)) {
    const key = name.toLowerCase();
    merged.set(key, [name, joined(key, merged.get(key)?.[1], value)]);
  }
  return Object.fromEntries(merged.values());
}

/**
 * Puts a guard's headers on a response: lists join what is there, a cookie is added to the cookies, the rest replaces.
 * @throws {TypeError} for a name or value that HTTP does not allow, before any header is set
 */
export function writeHeaders(headers: HeaderSet, target: HeaderTarget): void {
  for (const [name, value] of Object.entries(checkHeaders(headers))) {
    const key = name.toLowerCase();
    if (key === "set-cookie") target.add(name, value);
    else target.set(name, joined(key, target.get(name), value));
  }
}

/**
 * The same check for every bridge. Platforms differ: one refuses a line break in a value, another trims it.
 * @throws {TypeError}
 */
export function checkHeaders(headers: HeaderSet): HeaderSet {
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name)) throw new TypeError(`header name: expected a token, got ${describeValue(name)}`);
    if (typeof value !== "string" || NOT_A_VALUE.test(value)) {
      throw new TypeError(`header ${name}: expected text without control characters, got ${describeValue(value)}`);
    }
  }
  return headers;
}

/** True for a field whose values are joined. */
export const isListHeader = (name: string): boolean => LISTS.has(name.toLowerCase());

function joined(key: string, earlier: string | undefined, later: string): string {
  if (!LISTS.has(key) || earlier === undefined || earlier === "") return later;
  // An empty list adds nothing to another.
  return later === "" ? earlier : `${earlier}, ${later}`;
}
