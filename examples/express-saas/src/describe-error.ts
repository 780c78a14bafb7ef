import { DrizzleQueryError } from "drizzle-orm";

/** What went wrong, in one line for people. */
export function describeError(error: unknown): string {
  // Its own message is the whole statement with its values.
  if (error instanceof DrizzleQueryError && error.cause !== undefined) return describeError(error.cause);
  // A connection that was tried on several addresses: the message is empty, each attempt has one.
  if (error instanceof AggregateError) return describeError(error.errors[0]);
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replace(/\s*\n\s*/g, " ");
}
