import type { z } from "zod";
import { describeHidden, describeValue } from "./describe-value.js";
import { ConfigError } from "./errors.js";
import { isSecretName } from "./mask-secrets.js";

/**
 * Validates options once, at construction.
 * @param what the public function that takes the options; the message starts with it
 * @throws {ConfigError} with the name and the value of every wrong option
 */
export function parseOptions<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ConfigError(`${what}: ${describeIssues(result.error, input)}`, { cause: result.error });
}

/** Describes all problems of a value in one line: path, expectation, actual value. */
export function describeIssues(error: z.ZodError, input: unknown): string {
  return error.issues.map((issue) => describeIssue(issue, input)).join("; ");
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown): string {
  const where = issue.path.map(String).join(".") || "options";
  // The message of an unknown key already contains the key; its value adds nothing.
  if (issue.code === "unrecognized_keys") return `${where}: ${issue.message}`;
  const value = valueAt(input, issue.path);
  // A string in the place of all options is a URL or a secret, and the name of an option tells when its value is one.
  const isSecret =
    (issue.path.length === 0 && typeof value === "string") || issue.path.some((key) => isSecretName(String(key)));
  return `${where}: ${issue.message}, got ${isSecret ? describeHidden(value) : describeValue(value)}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
}
