import type { Submittable } from "pg";

/** How `pg` tells a caller who wants no promise. */
export type Callback = (error: unknown, result?: unknown) => void;

/** One call of `query`, in any of the forms that `pg` takes. */
export interface Statement {
  /** `undefined` when the call is one that `pg` refuses, or a kind of query that hides its text. */
  readonly text: string | undefined;
  /** The text, the config object or the submittable, as it was passed. */
  readonly query: unknown;
  readonly values: unknown;
  readonly callback: Callback | undefined;
}

export function statementOf(args: readonly unknown[]): Statement {
  const [query, second, third] = args;
  const callback = isCallback(second) ? second : isCallback(third) ? third : undefined;
  const values = isCallback(second) ? undefined : second;
  return { text: textOf(query), query, values, callback };
}

function textOf(query: unknown): string | undefined {
  if (typeof query === "string") return query;
  if (typeof query !== "object" || query === null) return undefined;
  if ("text" in query && typeof query.text === "string") return query.text;
  // A stream keeps its text in the cursor that it reads.
  return "cursor" in query ? textOf(query.cursor) : undefined;
}

/** A cursor, a stream, or a `pg.Query`: an object that talks to the connection itself, once. */
export function isSubmittable(query: unknown): query is Submittable {
  return typeof query === "object" && query !== null && "submit" in query && typeof query.submit === "function";
}

const isCallback = (value: unknown): value is Callback => typeof value === "function";

/** Gives the result to whoever asked. A callback that throws does so as it would without us, outside of any promise. */
export function reply(result: Promise<unknown>, callback: Callback | undefined): Promise<unknown> | undefined {
  if (callback === undefined) return result;
  result.then(
    (value) => process.nextTick(callback, undefined, value),
    (error: unknown) => process.nextTick(callback, error),
  );
  return undefined;
}
