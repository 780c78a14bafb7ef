import { and, getTableColumns, type SQL, sql } from "drizzle-orm";
import { type PgDatabase, type PgQueryResultHKT, type PgTable, unionAll } from "drizzle-orm/pg-core";
import { answerOf, pageAnswerOf, rowsOf } from "../query-result.js";
import { reversed } from "../order.js";
import { pageOf, parsePosition, rowsToRead } from "../page.js";
import { orderPieces, type Piece, positionPieces, scanOf, seekBranches, seekCondition } from "../keyset/keyset.js";
import { parseTotal } from "../total.js";
import type { Page, PageArgs, Total, TotalKind } from "../types.js";
import { writerFor } from "./columns.js";

/** A Drizzle database or transaction on Postgres, whatever its driver and its schema. */
export interface DrizzleClient extends Pick<PgDatabase<PgQueryResultHKT>, "select"> {
  execute(query: SQL): PromiseLike<unknown>;
}

export interface DrizzleSource<Table extends PgTable> {
  readonly from: Table;
  /** The rows of the list, those of the tenant: `eq(orders.tenantId, tenantId)`. */
  readonly where?: SQL | undefined;
  /** Also counts the list: a second statement. */
  readonly total?: TotalKind;
}

/**
 * Reads one page of a table with one statement.
 * @param args what `page.parse` made of the request
 * @throws {StoreError} when the database does not answer in time, or with an error, which is the cause
 * @throws {ConfigError} when the schema, or the rows, show that the order does not tell them apart
 */
export async function drizzlePage<Table extends PgTable>(
  db: DrizzleClient,
  args: PageArgs,
  source: DrizzleSource<Table>,
): Promise<Page<Table["$inferSelect"]>> {
  const rows = await pageAnswerOf(args, readRows(db, args, source));
  const placed = rows.map(({ item, position }) => ({
    // The columns of `from`, mapped by Drizzle.
    item: item as Table["$inferSelect"],
    position: parsePosition(position, args),
  }));
  return pageOf(args, placed, await totalOf(db, args, source));
}

interface Row {
  readonly item: unknown;
  readonly position: unknown;
}

function readRows(
  db: DrizzleClient,
  args: PageArgs,
  { from: table, where }: DrizzleSource<PgTable>,
): PromiseLike<readonly Row[]> {
  const write = writerFor(table, args);
  const { keys, from, until } = scanOf(args);
  const orderBy = write(orderPieces(keys));
  const end = until && write(["(", ...seekCondition(reversed(keys), until), ")"]);
  const branches: readonly Piece[][] = from === undefined ? [] : seekBranches(keys, from);
  const condition = (branch: SQL | undefined): SQL | undefined => and(where, end, branch);
  const plain = { item: getTableColumns(table), position: write(positionPieces(keys)).as("scale_page_position") };
  const [first, second, ...others] = branches.map((branch, i) =>
    db
      .select({ ...plain, ...numbered(i, orderBy) })
      .from(table)
      .where(condition(write(branch)))
      .orderBy(orderBy)
      .limit(rowsToRead(args)),
  );
  if (first !== undefined && second !== undefined) {
    return unionAll(first, second, ...others)
      .orderBy(sql`"scale_page_branch"`, sql`"scale_page_row"`)
      .limit(rowsToRead(args));
  }
  const only = branches[0];
  return db
    .select(plain)
    .from(table)
    .where(condition(only && write(only)))
    .orderBy(orderBy)
    .limit(rowsToRead(args))
    .offset(args.offset);
}

/** The branches stand in the order of their rows; within each a row has its number. */
const numbered = (branch: number, orderBy: SQL) => ({
  branch: sql.raw(String(branch)).as("scale_page_branch"),
  row: sql`row_number() over (order by ${orderBy})`.as("scale_page_row"),
});

async function totalOf(
  db: DrizzleClient,
  args: PageArgs,
  { from, where, total }: DrizzleSource<PgTable>,
): Promise<Total | undefined> {
  if (total === undefined) return undefined;
  if (total === "exact") {
    const count = db.select({ value: sql`count(*)::text` }).from(from).where(where);
    return parseTotal(total, await answerOf(args, count));
  }
  const rows = db.select({ one: sql`1` }).from(from).where(where);
  return parseTotal(total, rowsOf(await answerOf(args, db.execute(sql`explain (format json) ${rows}`))));
}
