import { ConfigError } from "@scale/core";
import type { PageArgs } from "../types.js";
import { rowsToRead } from "../page.js";
import { type SqlToken, scanOf } from "./keyset.js";

/** Rows of a list that are checked for nulls in keys after the first one, which no index finds. */
export const CHECKED_ROWS = 10_000;

/** The search for rows that no page can return: a comparison with a null is never true. */
export interface UnreachableRows {
  /** Condition for a null in the first key, which an index on the keys finds; `undefined` if the order places its nulls. */
  readonly first: readonly SqlToken[] | undefined;
  /** The other columns that must not be null, to be looked at in the first `CHECKED_ROWS` rows. */
  readonly others: readonly SqlToken[];
}

/**
 * Returns the search for the end of a walk. Rows with a null in a key without `nulls` are beyond every cursor, so
 * that a walk from a cursor loses them without an error.
 * @param rowsRead rows that the page statement returned
 * @returns `undefined` for a page that is not the end of a walk, and for one without a condition, which returns all rows
 */
export function unreachableRows(args: PageArgs, rowsRead: number): UnreachableRows | undefined {
  if (scanOf(args).from === undefined || rowsRead >= rowsToRead(args)) return undefined;
  const [first, ...rest] = args.keys;
  const others = rest.filter(({ nulls }) => nulls === undefined).map((column) => ({ column }));
  return {
    first: first === undefined || first.nulls !== undefined ? undefined : [{ column: first }, " is null"],
    others,
  };
}

/** @throws {ConfigError} when rows were found */
export function throwIfUnreachable({ order, keys }: PageArgs, found: readonly unknown[]): void {
  if (found.length === 0) return;
  const columns = keys.filter(({ nulls }) => nulls === undefined).map(({ column }) => column);
  throw new ConfigError(
    `the order "${order}": expected no null in ${columns.join(", ")}, got rows with one, which no page after the first returns; set nulls to "first" or "last"`,
  );
}
