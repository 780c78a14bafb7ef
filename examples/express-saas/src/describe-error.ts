import { DrizzleQueryError } from "drizzle-orm";

/** Returns the error message on one line. */
export function describeError(error: unknown): string {
  // The message of a DrizzleQueryError is the whole statement with its values.
  if (error instanceof DrizzleQueryError && error.cause !== undefined) return describeError(error.cause);
  // A connection tried on several addresses: the message is empty, and each attempt has its own.
  if (error instanceof AggregateError) return describeError(error.errors[0]);
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replace(/\s*\n\s*/g, " ");
}
