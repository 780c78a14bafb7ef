import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/**
 * @param where public function and argument, for the message: `toExpress: guard`
 * @throws {ConfigError} for anything but a function
 */
export function checkFunction(value: unknown, where: string): void {
  if (typeof value !== "function") throw new ConfigError(`${where}: expected a function, got ${describeValue(value)}`);
}

/**
 * @param where public function and arguments, for the message: `firstOf: resolvers`
 * @throws {ConfigError} for the first value that is not a function
 */
export function checkFunctions(values: readonly unknown[], where: string): void {
  for (const [index, value] of values.entries()) checkFunction(value, `${where}.${index}`);
}
