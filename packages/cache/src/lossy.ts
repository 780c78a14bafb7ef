/**
 * Where a value is not what JSON makes of it, as a path and a kind: `.createdAt is a Date`.
 * A property that is `undefined` is as good as none.
 */
export function findLossy(value: unknown, path = ""): string | undefined {
  const what = path || "it";
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "object") return inObject(value, path);
  if (typeof value !== "number") return `${what} is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  return Number.isFinite(value) && !Object.is(value, -0) ? undefined : `${what} is ${value}`;
}

function inObject(value: object, path: string): string | undefined {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findLossy(value[i], `${path}[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `${path || "it"} is a ${value.constructor.name}`;
  if ("toJSON" in value) return `${path || "it"} has toJSON`;
  for (const [key, each] of Object.entries(value)) {
    const found = each === undefined ? undefined : findLossy(each, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
