import { awaitQuery, parseTotal, readPage, rowsOf } from "../query-result.js";
import { alone, type SessionSource } from "../in-session.js";
import { buildPage, type PositionedRow } from "../page.js";
import type { Page, PageArgs, TotalKind } from "../types.js";
import { positionedRow, type SqlRow } from "../keyset/row.js";
import { pageStatement, type SqlList, totalStatement, unreachableStatement } from "../keyset/statement.js";
import { throwIfUnreachable } from "../keyset/unreachable.js";
import type { SqlFragment } from "../keyset/writer.js";

/** A pool or client of `pg`, or an object of a query builder with the same `query`. */
export interface SqlClient {
  query(text: string, values: unknown[]): PromiseLike<{ readonly rows: readonly unknown[] }>;
}

export interface SqlSource extends SqlList, SessionSource {
  /**
   * SQL after `select`.
   * @default "*"
   */
  readonly select?: string;
  /** Count of the list; adds a second statement. */
  readonly total?: TotalKind;
}

/** A source with a parser for its rows. */
export interface ParsedSqlSource<T> extends SqlSource {
  readonly row: (row: SqlRow) => T;
}

/**
 * Reads one page with one statement.
 * @param args result of `page.parse`
 * @throws {StoreError} with its cause when the database is late or answers with an error
 * @throws {ConfigError} when the rows show that the order is not unique
 */
export function sqlPage<T>(db: SqlClient, args: PageArgs, source: ParsedSqlSource<T>): Promise<Page<T>>;
export function sqlPage(db: SqlClient, args: PageArgs, source: SqlSource): Promise<Page<SqlRow>>;
export function sqlPage<T>(
  db: SqlClient,
  args: PageArgs,
  source: SqlSource & Partial<ParsedSqlSource<T>>,
): Promise<Page<T | SqlRow>> {
  return (source.session ?? alone)(() => readSqlPage(db, args, source));
}

async function readSqlPage<T>(
  db: SqlClient,
  args: PageArgs,
  { select = "*", row: parse, ...source }: SqlSource & Partial<ParsedSqlSource<T>>,
): Promise<Page<T | SqlRow>> {
  const run = ({ text, values }: SqlFragment): PromiseLike<unknown> => db.query(text, [...values]);
  const rows = await readPage(args, {
    read: (of) => run(pageStatement(of, { ...source, select, renames: select !== "*" })),
    positionOf: (row) => positionedRow(row, args).position,
  });
  const placed = rows.map((row): PositionedRow<T | SqlRow> => {
    const { item, position } = positionedRow(row, args);
    return { item: parse === undefined ? item : parse(item), position };
  });
  const search = unreachableStatement(args, source, rows.length);
  if (search !== undefined) throwIfUnreachable(args, rowsOf(await awaitQuery(args, run(search))));
  const { total: kind } = source;
  const total = kind && parseTotal(kind, rowsOf(await awaitQuery(args, run(totalStatement(kind, source)))));
  return buildPage(args, placed, total);
}
