import { describeValue } from "@scale/core/kit";

/** Maximum of a plan's limit and of a count, as in the plan file: below 2^52 the sum of two numbers is exact. */
export const MAX_UNITS: number = 2 ** 52;

/**
 * @returns `units`
 * @throws {TypeError} unless `units` is an integer from 0 to 2^52
 */
export function checkUnits(units: unknown, what: string): number {
  if (typeof units === "number" && Number.isInteger(units) && units >= 0 && units <= MAX_UNITS) return units;
  throw new TypeError(`${what}: expected units as an integer from 0 to 2^52, got ${describeValue(units)}`);
}

/** @throws {TypeError} unless `counted` is an integer >= 0 */
export function checkCount(counted: unknown, metric: string): number {
  if (typeof counted === "number" && Number.isSafeInteger(counted) && counted >= 0) return counted;
  throw new TypeError(`count of ${describeValue(metric)}: expected an integer >= 0, got ${describeValue(counted)}`);
}
