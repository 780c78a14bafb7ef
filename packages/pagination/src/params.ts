import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** Returns a parameter of a query object, of `URLSearchParams` or of GraphQL arguments; `undefined` also for null. */
export function param(query: object, name: string): unknown {
  if (isSearchParams(query)) {
    const all = query.getAll(name);
    return all.length > 1 ? all : all[0];
  }
  return Object.hasOwn(query, name) ? (Reflect.get(query, name) ?? undefined) : undefined;
}

/**
 * Returns an integer >= `least`, given as a number or as digits. The caller applies its upper bound.
 * @throws {InputError} for every other value
 */
export function integerParam(query: object, name: string, least = 1): number | undefined {
  const value = param(query, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least) return value;
  if (typeof value === "string" && /^[0-9]+$/.test(value) && Number(value) >= least) return Number(value);
  throw new InputError(`${name}: expected an integer >= ${least}, got ${describeValue(value)}`);
}

/** @throws {InputError} for a value that is not a string */
export function stringParam(query: object, name: string): string | undefined {
  const value = param(query, name);
  if (value === undefined || typeof value === "string") return value;
  throw new InputError(`${name}: expected one string, got ${describeValue(value)}`);
}

// By its method, because a runtime may have its own class. A query from a client never contains a function.
const isSearchParams = (query: object): query is URLSearchParams =>
  "getAll" in query && typeof query.getAll === "function";
