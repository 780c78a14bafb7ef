interface Lossy {
  /** From the value on. */
  readonly path: string;
  readonly what: string;
}

/**
 * Where a value is not what JSON makes of it, as a path and a kind: `.createdAt is a Date`.
 * A property that is `undefined` is as good as none.
 */
export function findLossy(value: unknown): string | undefined {
  const found = lossyIn(value);
  return found && `${found.path || "it"} ${found.what}`;
}

/** Says where on the way back: every value goes through this, and hardly any is lossy. */
function lossyIn(value: unknown): Lossy | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "object") return Array.isArray(value) ? lossyInArray(value) : lossyInObject(value);
  if (typeof value !== "number")
    return { path: "", what: value === undefined ? "is undefined" : `is a ${typeof value}` };
  return Number.isFinite(value) && !Object.is(value, -0) ? undefined : { path: "", what: `is ${value}` };
}

function lossyInArray(list: readonly unknown[]): Lossy | undefined {
  for (let i = 0; i < list.length; i++) {
    const found = lossyIn(list[i]);
    if (found !== undefined) return { path: `[${i}]${found.path}`, what: found.what };
  }
  return undefined;
}

function lossyInObject(value: object): Lossy | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return { path: "", what: `is ${kindOf(value)}` };
  }
  if ("toJSON" in value) return { path: "", what: "has toJSON" };
  // Without the pairs of `Object.entries`, which cost more than all the rest.
  for (const key of Object.keys(value)) {
    const each: unknown = value[key as keyof typeof value];
    const found = each === undefined ? undefined : lossyIn(each);
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
