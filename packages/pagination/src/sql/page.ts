import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { answerOf, pageAnswerOf, rowsOf } from "../query-result.js";
import { pageOf, parsePosition, type Placed } from "../page.js";
import { parseTotal } from "../total.js";
import type { Page, PageArgs, TotalKind } from "../types.js";
import { isAdded, pageStatement, POSITION, type SqlList, totalStatement } from "../keyset/statement.js";
import type { SqlText } from "../keyset/writer.js";

/** Anything of `pg` that runs a query: a pool, a client of it, or what a query builder wraps around them. */
export interface SqlClient {
  query(text: string, values: unknown[]): PromiseLike<{ readonly rows: readonly unknown[] }>;
}

/** A row as the client gives it. */
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlSource extends SqlList {
  /**
   * What stands after `select`.
   * @default "*"
   */
  readonly select?: string;
  /** Also counts the list: a second statement. */
  readonly total?: TotalKind;
}

/** A source whose rows are parsed. */
export interface ParsedSqlSource<T> extends SqlSource {
  readonly row: (row: SqlRow) => T;
}

/**
 * Reads one page with one statement.
 * @param args what `page.parse` made of the request
 * @throws {StoreError} when the database does not answer in time, or with an error, which is the cause
 * @throws {ConfigError} when the rows show that the order does not tell them apart
 */
export function sqlPage<T>(db: SqlClient, args: PageArgs, source: ParsedSqlSource<T>): Promise<Page<T>>;
export function sqlPage(db: SqlClient, args: PageArgs, source: SqlSource): Promise<Page<SqlRow>>;
export async function sqlPage<T>(
  db: SqlClient,
  args: PageArgs,
  { select = "*", row: parse, ...source }: SqlSource & Partial<ParsedSqlSource<T>>,
): Promise<Page<T | SqlRow>> {
  const run = ({ text, values }: SqlText): PromiseLike<unknown> => db.query(text, [...values]);
  const rows = rowsOf(
    await pageAnswerOf(args, run(pageStatement(args, { ...source, select, renames: select !== "*" }))),
  );
  const placed = rows.map((row): Placed<T | SqlRow> => {
    const { item, position } = placedOf(row, args);
    return { item: parse === undefined ? item : parse(item), position };
  });
  const { total: kind } = source;
  const total = kind && parseTotal(kind, rowsOf(await answerOf(args, run(totalStatement(kind, source)))));
  return pageOf(args, placed, total);
}

/** A row of a statement of ours, without the columns that we added. */
export function placedOf(row: unknown, args: PageArgs): Placed<SqlRow> {
  if (typeof row !== "object" || row === null) throw new StoreError(`expected a row, got ${describeValue(row)}`);
  const fields = Object.entries(row).filter(([name]) => !isAdded(name));
  const position = parsePosition(Reflect.get(row, POSITION), args);
  // Own fields, also one that is called `__proto__`.
  return { item: Object.fromEntries(fields), position };
}
