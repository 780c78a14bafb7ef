import { describeValue } from "./describe-value.js";
import { isPromiseLike } from "./start-thenable.js";

/**
 * Wraps a callback of the application so that its result is checked before it decides anything. The callback may return
 * its result or a promise of it; a result stays synchronous, so that the usual call costs no promise.
 * @param check returns the result, or throws for a wrong one
 */
export function checkedCallback<Args extends readonly unknown[], T>(
  callback: (...args: Args) => unknown,
  check: (result: unknown) => T,
): (...args: Args) => T | Promise<T> {
  return (...args) => {
    const result = callback(...args);
    return isPromiseLike(result) ? Promise.resolve(result).then(check) : check(result);
  };
}

/**
 * Check for a callback that answers yes or no. Only `true` and `false` count: `"no"`, `undefined` and a forgotten `return`
 * are mistakes, not answers.
 * @param option public function and option, for the error: `rateLimitGuard: skip`
 * @returns a check that throws TypeError for anything else
 */
export function booleanResult(option: string): (result: unknown) => boolean {
  return (result) => {
    if (typeof result === "boolean") return result;
    throw wrongResult(option, "true or false", result);
  };
}

/**
 * Check for a callback that finds a string or nothing. `null` is nothing, as in a row of a database.
 * @param option public function and option, for the error: `tenantGuard: user`
 * @returns a check that throws TypeError for anything else
 */
export function optionalStringResult(option: string): (result: unknown) => string | undefined {
  return (result) => {
    if (typeof result === "string" || result === undefined) return result;
    if (result === null) return undefined;
    throw wrongResult(option, "a string or undefined", result);
  };
}

/** The error for a wrong result of a callback. The mistake is the application's, so clients never see it. */
export const wrongResult = (option: string, expected: string, result: unknown): TypeError =>
  new TypeError(`${option}: expected ${expected}, got ${describeValue(result)}`);
