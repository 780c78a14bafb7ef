/** Deeper data is refused: the recursion of `JSON.stringify` would overflow the stack. */
const MAX_DEPTH = 500;

/**
 * Finds a part of a value that JSON would change, as a path and a kind: `.createdAt is a Date`.
 * A property that is `undefined` counts as missing.
 */
export function findNonJson(value: unknown): string | undefined {
  const found = nonJsonIn(value, 0);
  return found?.startsWith(" ") === true ? `it${found}` : found;
}

/** Builds the path only on the way back: every value passes through here, and hardly any has such a part. */
function nonJsonIn(value: unknown, depth: number): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0) ? undefined : ` is ${Object.is(value, -0) ? "-0" : value}`;
  }
  if (typeof value !== "object") return value === undefined ? " is undefined" : ` is a ${typeof value}`;
  // A cycle ends here too.
  if (depth === MAX_DEPTH) return ` is nested deeper than ${MAX_DEPTH}`;
  return Array.isArray(value) ? nonJsonInArray(value, depth + 1) : nonJsonInObject(value, depth + 1);
}

function nonJsonInArray(list: readonly unknown[], depth: number): string | undefined {
  if ("toJSON" in list) return " has toJSON";
  for (let i = 0; i < list.length; i++) {
    const found = nonJsonIn(list[i], depth);
    if (found !== undefined) return depth > 20 ? found : `[${i}]${found}`;
  }
  return undefined;
}

function nonJsonInObject(value: object, depth: number): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return ` is ${kindOf(value)}`;
  if ("toJSON" in value) return " has toJSON";
  // `Object.entries` would allocate pairs, which cost more than the rest of this function.
  for (const key of Object.keys(value)) {
    const part: unknown = value[key as keyof typeof value];
    const found = part === undefined ? undefined : nonJsonIn(part, depth);
    if (found !== undefined) return depth > 20 ? found : `.${key}${found}`;
  }
  return undefined;
}

function kindOf(value: object): string {
  const { constructor }: { readonly constructor?: unknown } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `a ${constructor.name}`
    : "an object of its own kind";
}
