import { and, getTableColumns, or, type SQL, sql } from "drizzle-orm";
import { type PgDatabase, type PgQueryResultHKT, type PgTable, unionAll } from "drizzle-orm/pg-core";
import { awaitQuery, parseTotal, readPage, rowsOf } from "../query-result.js";
import { alone, type SessionSource } from "../in-session.js";
import { reverseOrder } from "../order.js";
import { buildPage, parsePosition, rowsToRead } from "../page.js";
import { orderTokens, type SqlToken, positionTokens, scanOf, keysetRanges, keysetCondition } from "../keyset/keyset.js";
import type { Page, PageArgs, Total, TotalKind } from "../types.js";
import { CHECKED_ROWS, throwIfUnreachable, unreachableRows } from "../keyset/unreachable.js";
import { writerFor } from "./columns.js";

/** A Drizzle database or transaction on Postgres, with any driver and schema. */
export interface DrizzleClient extends Pick<PgDatabase<PgQueryResultHKT>, "select"> {
  execute(query: SQL): PromiseLike<unknown>;
}

export interface DrizzleSource<Table extends PgTable> extends SessionSource {
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
export function drizzlePage<Table extends PgTable>(
  db: DrizzleClient,
  args: PageArgs,
  source: DrizzleSource<Table>,
): Promise<Page<Table["$inferSelect"]>> {
  return (source.session ?? alone)(() => readDrizzlePage(db, args, source));
}

async function readDrizzlePage<Table extends PgTable>(
  db: DrizzleClient,
  args: PageArgs,
  source: DrizzleSource<Table>,
): Promise<Page<Table["$inferSelect"]>> {
  const rows = (await readPage(args, {
    read: (of) => readRows(db, of, source),
    positionOf: (row) => parsePosition((row as Row).position, args),
  })) as readonly Row[];
  await searchUnreachable(db, args, source, rows.length);
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

// oxlint-disable-next-line max-params -- what a page is read with, and how much was read
async function searchUnreachable(
  db: DrizzleClient,
  args: PageArgs,
  { from, where }: DrizzleSource<PgTable>,
  rowsRead: number,
): Promise<void> {
  const search = unreachableRows(args, rowsRead);
  if (search === undefined) return;
  const write = writerFor(from, args);
  const { first, others } = search;
  const one = { one: sql`1` };
  const searches = [
    ...(first === undefined
      ? []
      : [
          sql`exists (${db
            .select(one)
            .from(from)
            .where(and(where, write(first)))
            .limit(1)})`,
        ]),
    ...(others.length === 0
      ? []
      : [
          sql`exists (${nullsIn(
            db,
            others.map((column) => write([column])),
            { from, where },
          )})`,
        ]),
  ];
  const found = db.execute(sql`select 1 as "value" where ${or(...searches)}`);
  if (searches.length > 0) throwIfUnreachable(args, rowsOf(await awaitQuery(args, found)));
}

/** Finds a row with a null in one of some columns, of the first rows of a list. */
function nullsIn(db: DrizzleClient, columns: readonly SQL[], { from, where }: DrizzleSource<PgTable>): SQL {
  const named = columns.map((column, i) => [`key_${i}`, column.as(`scale_page_key_${i}`)] as const);
  const rows = db.select(Object.fromEntries(named)).from(from).where(where).limit(CHECKED_ROWS);
  const isNull = columns.map((_, i) => sql.raw(`"scale_page_key_${i}" is null`));
  return sql`select 1 from (${rows}) as "scale_page_row" where ${or(...isNull)}`;
}

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
