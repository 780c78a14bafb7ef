import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";

/** A part of something, 0 to 1. */
export const ratioOption = (defaultRatio: number): z.ZodDefault<z.ZodNumber> =>
  z.number().min(0).max(1).default(defaultRatio);

/** A check on the wrong object would report a dependency as down that works. @throws {ConfigError} */
export function requireMethod(value: unknown, method: string, what: string): void {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  const found: unknown = isObject ? Reflect.get(value, method) : undefined;
  if (typeof found !== "function")
    throw new ConfigError(`${what}: expected an object with ${method}, got ${describeValue(value)}`);
}
