import type { Submittable } from "pg";

/** One call of `query`, in any of the forms that `pg` takes. */
export interface Statement {
  /** `undefined` for a call that `pg` rejects, and for a query object without a readable text. */
  readonly text: string | undefined;
  /** The first argument as passed: text, config object or submittable. */
  readonly query: unknown;
  readonly values: unknown;
  /** The callback form of `pg`. */
  readonly callback: ((error: unknown, result?: unknown) => void) | undefined;
  /** The `signal` of a config object, which cancels the statement. `pg` has no such option. */
  readonly signal: AbortSignal | undefined;
}

export function statementOf(args: readonly unknown[]): Statement {
  const [query, second, third] = args;
  const callback = isCallback(second) ? second : isCallback(third) ? third : undefined;
  const values = isCallback(second) ? undefined : second;
  return { text: textOf(query), query, values, callback, signal: signalOf(query) };
}

function signalOf(query: unknown): AbortSignal | undefined {
  if (typeof query !== "object" || query === null || !("signal" in query)) return undefined;
  return query.signal instanceof AbortSignal ? query.signal : undefined;
}

function textOf(query: unknown): string | undefined {
  if (typeof query === "string") return query;
  if (typeof query !== "object" || query === null) return undefined;
  if ("text" in query && typeof query.text === "string") return query.text;
  // A stream keeps its text in its cursor.
  return "cursor" in query ? textOf(query.cursor) : undefined;
}

/** True for a named statement, whose plan stays in the session. */
export function isPrepared({ query }: Statement): boolean {
  return typeof query === "object" && query !== null && "name" in query && Boolean(query.name);
}

/** True for a cursor, a stream or a `pg.Query`: an object that drives the connection itself, once. */
export function isSubmittable(query: unknown): query is Submittable {
  return typeof query === "object" && query !== null && "submit" in query && typeof query.submit === "function";
}

const isCallback = (value: unknown): value is NonNullable<Statement["callback"]> => typeof value === "function";

/** Delivers the result as promise or callback. A callback runs outside of the promise, so its errors surface as with `pg`. */
export function deliver(result: Promise<unknown>, callback: Statement["callback"]): Promise<unknown> | undefined {
  if (callback === undefined) return result;
  result.then(
    (value) => process.nextTick(callback, undefined, value),
    (error: unknown) => process.nextTick(callback, error),
  );
  return undefined;
}
