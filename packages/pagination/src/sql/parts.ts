import { reversed } from "../order.js";
import { pageOf, rowsToRead } from "../page.js";
import { orderPieces, positionPieces, scanOf, seekCondition } from "../keyset/keyset.js";
import type { Page, PageArgs } from "../types.js";
import { placedOf, type SqlRow } from "./page.js";
import { POSITION } from "../keyset/statement.js";
import { createWriter } from "../keyset/writer.js";

/** The parts of a statement that read one page. */
export interface SqlParts {
  /** One more column for `select`; `page` takes it out again. */
  readonly position: string;
  /** For `where`, beside what else stands there. */
  readonly where: string;
  /** For `order by`, where a name that `select` gives with `as` goes before a column: give none that is a key's. */
  readonly orderBy: string;
  /** For `limit`: one row more than the page has. */
  readonly limit: number;
  /** For `offset`. */
  readonly offset: number;
  /** Those given, then those of `where`. */
  readonly values: unknown[];
  /** The page of the rows that the statement gave. */
  page(rows: readonly unknown[]): Page<SqlRow>;
}

/**
 * The parts of a page for a statement of your own. The condition is one expression: after a key that may be null, or keys
 * of different directions, an index finds its first key only, where `sqlPage` reads from the place itself.
 * @param values those that your statement has already
 */
export function sqlParts(args: PageArgs, values: readonly unknown[] = []): SqlParts {
  const { keys, from, until } = scanOf(args);
  const writer = createWriter(values);
  const conditions = [
    ...(from === undefined ? [] : [writer.write(seekCondition(keys, from))]),
    ...(until === undefined ? [] : [writer.write(seekCondition(reversed(keys), until))]),
  ];
  return {
    position: `${writer.write(positionPieces(keys))} as "${POSITION}"`,
    where: conditions.length === 0 ? "true" : `(${conditions.join(") and (")})`,
    orderBy: writer.write(orderPieces(keys)),
    limit: rowsToRead(args),
    offset: args.offset,
    values: [...writer.values],
    page: (rows) =>
      pageOf(
        args,
        rows.map((row) => placedOf(row, args)),
      ),
  };
}
