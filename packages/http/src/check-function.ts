import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** True for what can be called, which is all that a schema can know of a guard or a resolver. */
export const isFunction = (value: unknown): boolean => typeof value === "function";

/**
 * @param where the public function and its argument: `toExpress: guard`
 * @throws {ConfigError} for what is not a function
 */
export function checkFunction(value: unknown, where: string): void {
  if (!isFunction(value)) throw new ConfigError(`${where}: expected a function, got ${describeValue(value)}`);
}

/**
 * @param where the public function and what its arguments are: `firstOf: resolvers`
 * @throws {ConfigError} for the first that is not a function
 */
export function checkFunctions(values: readonly unknown[], where: string): void {
  for (const [index, value] of values.entries()) checkFunction(value, `${where}.${index}`);
}
