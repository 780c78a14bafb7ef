import type { NullableKey, RequiredKey, SortKey } from "./types.js";

/** Settings of a key whose column is never null. */
export interface KeyOptions {
  /** The column's SQL type, for drivers that write a value by the type which the server expects (postgres.js). */
  readonly type?: string;
}

/** Settings of a key whose column may be null. */
export interface NullableKeyOptions extends KeyOptions {
  /** Where the rows stand that have no value. An index serves the order only if it says the same. */
  readonly nulls: "first" | "last";
}

/**
 * Lowest first.
 * @param column a column as the database names it: `created_at`, or `o.created_at` where two tables have one
 */
export function asc(column: string, options: NullableKeyOptions): NullableKey;
export function asc(column: string, options?: KeyOptions): RequiredKey;
export function asc(column: string, options?: KeyOptions | NullableKeyOptions): SortKey {
  return { ...options, column, direction: "asc" };
}

/**
 * Highest first.
 * @param column a column as the database names it: `created_at`, or `o.created_at` where two tables have one
 */
export function desc(column: string, options: NullableKeyOptions): NullableKey;
export function desc(column: string, options?: KeyOptions): RequiredKey;
export function desc(column: string, options?: KeyOptions | NullableKeyOptions): SortKey {
  return { ...options, column, direction: "desc" };
}

/** The same rows from the other end. */
export function reversed(keys: readonly SortKey[]): readonly SortKey[] {
  return keys.map((key) => {
    const direction = key.direction === "asc" ? "desc" : "asc";
    if (key.nulls === undefined) return { ...key, direction };
    return { ...key, direction, nulls: key.nulls === "first" ? "last" : "first" };
  });
}
