/**
 * Finds a part of a value that JSON would change, as a path and a kind: `.createdAt is a Date`.
 */
export const findNonJson = (value: unknown): string | undefined => findPart(value, isJson);

/** Finds a part that `encodeRich` cannot write: a function, a symbol, or an object of a class of its own. */
export const findUnknown = (value: unknown): string | undefined => findPart(value, isRich);

/** Returns true for a part that is kept as it is, and the kind of a part that is not. `undefined`: its own parts decide. */
type Judge = (part: unknown) => true | string | undefined;

const isJson: Judge = (part) => {
  if (part === null || typeof part === "string" || typeof part === "boolean") return true;
  if (typeof part === "object") return Array.isArray(part) ? undefined : classOf(part);
  if (typeof part !== "number") return part === undefined ? "undefined" : `a ${typeof part}`;
  return Number.isFinite(part) && !Object.is(part, -0) ? true : Object.is(part, -0) ? "-0" : String(part);
};

const isRich: Judge = (part) => {
  if (typeof part === "function" || typeof part === "symbol") return `a ${typeof part}`;
  if (typeof part !== "object" || part === null) return true;
  const prototype: unknown = Object.getPrototypeOf(part);
  if (prototype === Date.prototype) return true;
  const hasParts = Array.isArray(part) || prototype === Map.prototype || prototype === Set.prototype;
  return hasParts ? undefined : classOf(part);
};

function findPart(value: unknown, judge: Judge): string | undefined {
  const found = search(value, judge);
  return found?.startsWith(" ") === true ? `it${found}` : found;
}

/** Builds the path only on the way back: every value passes through here, and hardly any has such a part. */
function search(value: unknown, judge: Judge): string | undefined {
  const verdict = judge(value);
  if (verdict === true) return undefined;
  if (verdict !== undefined) return verdict === HAS_TO_JSON ? ` ${HAS_TO_JSON}` : ` is ${verdict}`;
  if (Array.isArray(value)) return searchArray(value, judge);
  if (value instanceof Map) return searchArray([...value.keys(), ...value.values()], judge);
  if (value instanceof Set) return searchArray([...value], judge);
  return searchObject(value as object, judge);
}

function searchArray(list: readonly unknown[], judge: Judge): string | undefined {
  for (let i = 0; i < list.length; i++) {
    const found = search(list[i], judge);
    if (found !== undefined) return `[${i}]${found}`;
  }
  return undefined;
}

function searchObject(value: object, judge: Judge): string | undefined {
  // `Object.entries` would allocate pairs, which cost more than the rest of this function.
  for (const key of Object.keys(value)) {
    const found = search(value[key as keyof typeof value], judge);
    if (found !== undefined) return `.${key}${found}`;
  }
  return undefined;
}

const HAS_TO_JSON = "has toJSON";

/** @returns `undefined` for an object without a class, whose properties decide */
function classOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return kindOf(value);
  return "toJSON" in value ? HAS_TO_JSON : undefined;
}

function kindOf(value: object): string {
  const { constructor }: { readonly constructor?: unknown } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `a ${constructor.name}`
    : "an object of its own kind";
}
