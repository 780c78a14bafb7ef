import type { NullableKey, RequiredKey, SortKey } from "./types.js";

/** Options of a key whose column is never null. */
export interface KeyOptions {
  /** SQL type of the column, for drivers that convert a value to the type that the server expects (postgres.js). */
  readonly type?: string;
}

/** Options of a key whose column may be null. */
export interface NullableKeyOptions extends KeyOptions {
  /** Position of rows without a value. An index serves the order only if it has the same setting. */
  readonly nulls: "first" | "last";
}

/**
 * Sorts ascending.
 * @param column name of the column in the database: `created_at`, or `o.created_at` if two tables have one
 */
export function asc(column: string, options: NullableKeyOptions): NullableKey;
export function asc(column: string, options?: KeyOptions): RequiredKey;
export function asc(column: string, options?: KeyOptions | NullableKeyOptions): SortKey {
  return { ...options, column, direction: "asc" };
}

/**
 * Sorts descending.
 * @param column name of the column in the database: `created_at`, or `o.created_at` if two tables have one
 */
export function desc(column: string, options: NullableKeyOptions): NullableKey;
export function desc(column: string, options?: KeyOptions): RequiredKey;
export function desc(column: string, options?: KeyOptions | NullableKeyOptions): SortKey {
  return { ...options, column, direction: "desc" };
}

/** Reverses an order. */
export function reverseOrder(keys: readonly SortKey[]): readonly SortKey[] {
  return keys.map((key) => {
    const direction = key.direction === "asc" ? "desc" : "asc";
    if (key.nulls === undefined) return { ...key, direction };
    return { ...key, direction, nulls: key.nulls === "first" ? "last" : "first" };
  });
}
