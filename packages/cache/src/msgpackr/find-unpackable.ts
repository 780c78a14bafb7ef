import { MAX_DEPTH } from "./limits.js";

/** msgpackr keeps something of its own under that name. */
const TRAPS: ReadonlySet<string> = new Set(["__proto__", "__keys__"]);
const MIN_BIGINT = -(2n ** 63n);
const MAX_BIGINT = 2n ** 64n - 1n;

/** Where a value is not what msgpackr makes of it, as a path and a kind: `.createdBy is a User`. */
export function findUnpackable(value: unknown, path = "", depth = 0): string | undefined {
  if (typeof value === "object") return value === null ? undefined : inObject(value, path, depth + 1);
  const why = whyUnpackable(value);
  return why === undefined ? undefined : `${path || "it"} is ${why}`;
}

function whyUnpackable(value: unknown): string | undefined {
  if (typeof value === "string") {
    return isSafeText(value) ? undefined : "a text that is not well-formed or begins with a BOM";
  }
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : undefined;
  if (typeof value === "bigint") {
    return value >= MIN_BIGINT && value <= MAX_BIGINT ? undefined : "a bigint of more than 64 bits";
  }
  return typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : undefined;
}

function inObject(value: object, path: string, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return `${path} is deeper than ${MAX_DEPTH}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return inPlain(value, path, depth);
  if (Array.isArray(value) && prototype === Array.prototype) return inList(value, path, depth);
  if (value instanceof Set && prototype === Set.prototype) return inList([...value], path, depth);
  if (value instanceof Map && prototype === Map.prototype) return inList([...value].flat(), path, depth);
  if (prototype === Date.prototype || prototype === Uint8Array.prototype || prototype === Buffer.prototype) {
    return undefined;
  }
  return `${path || "it"} is a ${value.constructor.name}`;
}

function inPlain(value: object, path: string, depth: number): string | undefined {
  for (const [key, each] of Object.entries(value)) {
    if (TRAPS.has(key) || !isSafeText(key)) return `${path || "it"} has a property ${JSON.stringify(key)}`;
    const found = findUnpackable(each, `${path}.${key}`, depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inList(values: readonly unknown[], path: string, depth: number): string | undefined {
  for (let i = 0; i < values.length; i++) {
    const found = findUnpackable(values[i], `${path}[${i}]`, depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Half of a pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Half a pair becomes something else as UTF-8, and msgpackr takes a BOM for none of the text. */
const isSafeText = (text: string): boolean => text.charCodeAt(0) !== 0xfeff && !LONE_SURROGATE.test(text);
