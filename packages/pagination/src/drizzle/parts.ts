import { and, type SQL } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { reverseOrder } from "../order.js";
import { buildPage, parsePosition, rowsToRead } from "../page.js";
import { orderTokens, positionTokens, scanOf, keysetCondition } from "../keyset/keyset.js";
import type { Page, PageArgs } from "../types.js";
import { writerFor } from "./columns.js";

/** The parts of a query that reads one page. */
export interface DrizzleParts {
  /** Additional field of the selection, or of `extras`, with any name. */
  readonly position: SQL.Aliased<string>;
  /** Condition for `where`, to combine with your own by `and`; `undefined` on the first page. */
  readonly where: SQL | undefined;
  readonly orderBy: SQL;
  /** One row more than the page. */
  readonly limit: number;
  readonly offset: number;
  /**
   * Builds the page from the rows of the query.
   * @param positionOf function that returns the field `position` of a row
   */
  page<Row>(rows: readonly Row[], positionOf: (row: Row) => string): Page<Row>;
}

/**
 * Returns the parts of a page for your own query, such as one with joins or relations. The condition is one expression: for
 * keys that may be null, or keys of different directions, an index can seek only the first key, while `drizzlePage` starts
 * at the exact position.
 */
export function drizzleParts(args: PageArgs, table: PgTable): DrizzleParts {
  const write = writerFor(table, args);
  const { keys, from, until } = scanOf(args);
  const start = from && write(["(", ...keysetCondition(keys, from), ")"]);
  const end = until && write(["(", ...keysetCondition(reverseOrder(keys), until), ")"]);
  return {
    position: write(positionTokens(keys)).mapWith(String).as("scale_page_position"),
    where: and(start, end),
    orderBy: write(orderTokens(keys)),
    limit: rowsToRead(args),
    offset: args.offset,
    page: (rows, positionOf) =>
      buildPage(
        args,
        rows.map((item) => ({ item, position: parsePosition(positionOf(item), args) })),
      ),
  };
}
