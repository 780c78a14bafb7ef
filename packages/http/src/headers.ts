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
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const NOT_A_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/**
 * Merges the headers of two guards. Names are compared without case. The later value wins, except for `Vary`,
 * `RateLimit`, `RateLimit-Policy` and `Server-Timing`: they are lists and get both.
 */
export function mergeHeaders(earlier: HeaderSet, later: HeaderSet): HeaderSet {
  const merged = new Map(Object.entries(earlier).map((entry) => [entry[0].toLowerCase(), entry]));
  for (const [name, value] of Object.entries(later)) {
    const key = name.toLowerCase();
    merged.set(key, [name, joinValues(key, merged.get(key)?.[1], value)]);
  }
  return Object.fromEntries(merged.values());
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

/** True for a header whose values are appended. */
export const isListHeader = (name: string): boolean => LIST_HEADERS.has(name.toLowerCase());

function joinValues(key: string, earlier: string | undefined, later: string): string {
  if (!LIST_HEADERS.has(key) || earlier === undefined || earlier === "") return later;
  // An empty list adds nothing.
  return later === "" ? earlier : `${earlier}, ${later}`;
}
