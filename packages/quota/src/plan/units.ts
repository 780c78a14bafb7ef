import { describeValue } from "@scale/core/kit";

/** As in the plan file: below 2^52 no sum of two is rounded. */
const MAX_UNITS = 2 ** 52;

/**
 * @returns `units`
 * @throws {TypeError} for what is not a whole number from 0 to 2^52
 */
export function checkUnits(units: unknown, what: string): number {
  if (typeof units === "number" && Number.isInteger(units) && units >= 0 && units <= MAX_UNITS) return units;
  throw new TypeError(`${what}: expected a whole number of units from 0 to 2^52, got ${describeValue(units)}`);
}

/** @throws {TypeError} for what no count can be */
export function checkCount(counted: unknown, metric: string): number {
  if (typeof counted === "number" && Number.isSafeInteger(counted) && counted >= 0) return counted;
  throw new TypeError(`count of ${describeValue(metric)}: expected a whole number, got ${describeValue(counted)}`);
}
