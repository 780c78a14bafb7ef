import type { z } from "zod";
import { describeValue } from "./describe-value.js";
import { ConfigError } from "./errors.js";

/**
 * Validates options once, at construction.
 * @param what the public function the caller wrote; the message starts with it
 * @throws {ConfigError} that names every wrong option with its value
 */
export function parseOptions<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ConfigError(`${what}: ${describeIssues(result.error, input)}`, { cause: result.error });
}

/** One sentence for all problems of a value: where, what is wrong, and what was there. */
export function describeIssues(error: z.ZodError, input: unknown): string {
  return error.issues.map((issue) => describeIssue(issue, input)).join("; ");
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown): string {
  const where = issue.path.map(String).join(".") || "options";
  // The message of an unknown key already names it; its value says nothing.
  if (issue.code === "unrecognized_keys") return `${where}: ${issue.message}`;
  return `${where}: ${issue.message}, got ${describeValue(valueAt(input, issue.path))}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
}
