import { and, getTableColumns, type SQL, sql } from "drizzle-orm";
import { type PgDatabase, type PgQueryResultHKT, type PgTable, unionAll } from "drizzle-orm/pg-core";
import { awaitPageQuery, awaitQuery, parseTotal, rowsOf } from "../query-result.js";
import { reverseOrder } from "../order.js";
import { buildPage, parsePosition, rowsToRead } from "../page.js";
import { orderTokens, type SqlToken, positionTokens, scanOf, keysetRanges, keysetCondition } from "../keyset/keyset.js";
import type { Page, PageArgs, Total, TotalKind } from "../types.js";
import { writerFor } from "./columns.js";

/** A Drizzle database or transaction on Postgres, with any driver and schema. */
export interface DrizzleClient extends Pick<PgDatabase<PgQueryResultHKT>, "select"> {
  execute(query: SQL): PromiseLike<unknown>;
}

export interface DrizzleSource<Table extends PgTable> {
  readonly from: Table;
  /** Condition for the rows of the list, such as the tenant's: `eq(orders.tenantId, tenantId)`. */
  readonly where?: SQL | undefined;
  /** Count of the list; adds a second statement. */
  readonly total?: TotalKind;
}

/**
 * Reads one page of a table with one statement.
 * @param args result of `page.parse`
 * @throws {StoreError} with its cause when the database is late or answers with an error
 * @throws {ConfigError} when the schema, or the rows, show that the order is not unique
 */
export async function drizzlePage<Table extends PgTable>(
  db: DrizzleClient,
  args: PageArgs,
  source: DrizzleSource<Table>,
): Promise<Page<Table["$inferSelect"]>> {
  const rows = await awaitPageQuery(args, readRows(db, args, source));
  const placed = rows.map(({ item, position }) => ({
    // Drizzle has mapped the columns of `from`.
    item: item as Table["$inferSelect"],
    position: parsePosition(position, args),
  }));
  return buildPage(args, placed, await totalOf(db, args, source));
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
  const orderBy = write(orderTokens(keys));
  const end = until && write(["(", ...keysetCondition(reverseOrder(keys), until), ")"]);
  const branches: readonly SqlToken[][] = from === undefined ? [] : keysetRanges(keys, from);
  const condition = (branch: SQL | undefined): SQL | undefined => and(where, end, branch);
  const plain = { item: getTableColumns(table), position: write(positionTokens(keys)).as("scale_page_position") };
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

/** Numbers the branches in the order of their rows, and the rows of each branch. */
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
    return parseTotal(total, await awaitQuery(args, count));
  }
  const rows = db.select({ one: sql`1` }).from(from).where(where);
  return parseTotal(total, rowsOf(await awaitQuery(args, db.execute(sql`explain (format json) ${rows}`))));
}
