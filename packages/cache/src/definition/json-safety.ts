interface NonJson {
  /** Path from the value to the part. */
  readonly path: string;
  readonly what: string;
}

/**
 * Finds a part of a value that JSON would change, as a path and a kind: `.createdAt is a Date`.
 * A property that is `undefined` counts as missing.
 */
export function findNonJson(value: unknown): string | undefined {
  const found = nonJsonIn(value);
  return found && `${found.path || "it"} ${found.what}`;
}

/** Builds the path only on the way back: every value passes through here, and hardly any has such a part. */
function nonJsonIn(value: unknown): NonJson | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "object") return Array.isArray(value) ? nonJsonInArray(value) : nonJsonInObject(value);
  if (typeof value !== "number")
    return { path: "", what: value === undefined ? "is undefined" : `is a ${typeof value}` };
  return Number.isFinite(value) && !Object.is(value, -0) ? undefined : { path: "", what: `is ${value}` };
}

function nonJsonInArray(list: readonly unknown[]): NonJson | undefined {
  for (let i = 0; i < list.length; i++) {
    const found = nonJsonIn(list[i]);
    if (found !== undefined) return { path: `[${i}]${found.path}`, what: found.what };
  }
  return undefined;
}

function nonJsonInObject(value: object): NonJson | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return { path: "", what: `is ${kindOf(value)}` };
  }
  if ("toJSON" in value) return { path: "", what: "has toJSON" };
  // `Object.entries` would allocate pairs, which cost more than the rest of this function.
  for (const key of Object.keys(value)) {
    const part: unknown = value[key as keyof typeof value];
    const found = part === undefined ? undefined : nonJsonIn(part);
    if (found !== undefined) return { path: `.${key}${found.path}`, what: found.what };
  }
  return undefined;
}

function kindOf(value: object): string {
  const { constructor }: { readonly constructor?: unknown } = value;
  return typeof constructor === "function" && constructor.name !== ""
    ? `a ${constructor.name}`
    : "an object of its own kind";
}
