import { and, type SQL } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { reversed } from "../order.js";
import { pageOf, parsePosition, rowsToRead } from "../page.js";
import { orderPieces, positionPieces, scanOf, seekCondition } from "../keyset/keyset.js";
import type { Page, PageArgs } from "../types.js";
import { writerFor } from "./columns.js";

/** The parts of a query that reads one page. */
export interface DrizzleParts {
  /** One more field of the selection, or of `extras`, under any name. */
  readonly position: SQL.Aliased<string>;
  /** For `where`, beside what else stands there; `undefined` on the first page. */
  readonly where: SQL | undefined;
  readonly orderBy: SQL;
  /** One row more than the page has. */
  readonly limit: number;
  readonly offset: number;
  /**
   * The page of the rows that the query gave.
   * @param positionOf reads the field `position` of a row
   */
  page<Row>(rows: readonly Row[], positionOf: (row: Row) => string): Page<Row>;
}

/**
 * The parts of a page for a query of your own: with joins, or with relations. The condition is one expression: after a key
 * that may be null, or keys of different directions, an index finds its first key only, where `drizzlePage` reads from the
 * place itself.
 */
export function drizzleParts(args: PageArgs, table: PgTable): DrizzleParts {
  const write = writerFor(table, args);
  const { keys, from, until } = scanOf(args);
  const behind = from && write(["(", ...seekCondition(keys, from), ")"]);
  const ahead = until && write(["(", ...seekCondition(reversed(keys), until), ")"]);
  return {
    position: write(positionPieces(keys)).mapWith(String).as("scale_page_position"),
    where: and(behind, ahead),
    orderBy: write(orderPieces(keys)),
    limit: rowsToRead(args),
    offset: args.offset,
    page: (rows, positionOf) =>
      pageOf(
        args,
        rows.map((item) => ({ item, position: parsePosition(positionOf(item), args) })),
      ),
  };
}
