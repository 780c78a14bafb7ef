import { reverseOrder } from "../order.js";
import { buildPage, rowsToRead } from "../page.js";
import { orderTokens, positionTokens, scanOf, keysetCondition } from "../keyset/keyset.js";
import type { Page, PageArgs } from "../types.js";
import { positionedRow, type SqlRow } from "../keyset/row.js";
import { POSITION } from "../keyset/statement.js";
import { createWriter } from "../keyset/writer.js";

/** The parts of a statement that read one page. */
export interface SqlParts {
  /** Additional column for `select`; `page` removes it. */
  readonly position: string;
  /** Condition for `where`, to combine with your own by `and`. */
  readonly where: string;
  /** Expression for `order by`. An alias in `select` takes precedence over a column there: do not use the name of a key. */
  readonly orderBy: string;
  /** Value for `limit`: one row more than the page. */
  readonly limit: number;
  /** Value for `offset`. */
  readonly offset: number;
  /** Your values, then those of `where`. */
  readonly values: unknown[];
  /** Builds the page from the rows of the statement. */
  page(rows: readonly unknown[]): Page<SqlRow>;
}

/**
 * Returns the parts of a page for your own statement. The condition is one expression: for keys that may be null, or keys of
 * different directions, an index can seek only the first key, while `sqlPage` starts at the exact position.
 * @param values values of your statement
 */
export function sqlParts(args: PageArgs, values: readonly unknown[] = []): SqlParts {
  const { keys, from, until } = scanOf(args);
  const writer = createWriter(values);
  const conditions = [
    ...(from === undefined ? [] : [writer.write(keysetCondition(keys, from))]),
    ...(until === undefined ? [] : [writer.write(keysetCondition(reverseOrder(keys), until))]),
  ];
  return {
    position: `${writer.write(positionTokens(keys))} as "${POSITION}"`,
    where: conditions.length === 0 ? "true" : `(${conditions.join(") and (")})`,
    orderBy: writer.write(orderTokens(keys)),
    limit: rowsToRead(args),
    offset: args.offset,
    values: [...writer.values],
    page: (rows) =>
      buildPage(
        args,
        rows.map((row) => positionedRow(row, args)),
      ),
  };
}
