import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** The value of a query, of `URLSearchParams` or of the arguments of a field; `undefined` also for null. */
export function param(query: object, name: string): unknown {
  if (isSearchParams(query)) {
    const all = query.getAll(name);
    return all.length > 1 ? all : all[0];
  }
  return Object.hasOwn(query, name) ? (Reflect.get(query, name) ?? undefined) : undefined;
}

/**
 * A whole number from 1, as a number or in digits. There is no upper bound: the caller lowers it to its own.
 * @throws {InputError} for everything else
 */
export function countParam(query: object, name: string): number | undefined {
  const value = param(query, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  if (typeof value === "string" && /^[0-9]+$/.test(value) && Number(value) >= 1) return Number(value);
  throw new InputError(`${name}: expected a whole number from 1, got ${describeValue(value)}`);
}

/** @throws {InputError} for what is there and is no text */
export function textParam(query: object, name: string): string | undefined {
  const value = param(query, name);
  if (value === undefined || typeof value === "string") return value;
  throw new InputError(`${name}: expected one text, got ${describeValue(value)}`);
}

// By its method: a runtime may have a class of its own. What a client sends is never a function.
const isSearchParams = (query: object): query is URLSearchParams =>
  "getAll" in query && typeof query.getAll === "function";
