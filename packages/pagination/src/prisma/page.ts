import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { awaitQuery, parseTotal, readPage, rowsOf } from "../query-result.js";
import { alone, type SessionSource } from "../in-session.js";
import { buildPage, type PositionedRow, replaceItems, rowsOfPage } from "../page.js";
import { positionedRow } from "../keyset/row.js";
import { pageStatement, type SqlList, totalStatement, unreachableStatement } from "../keyset/statement.js";
import { throwIfUnreachable } from "../keyset/unreachable.js";
import { quoteName, type SqlFragment } from "../keyset/writer.js";
import type { Page, PageArgs, TotalKind } from "../types.js";

/** A Prisma client, or the client that an interactive transaction passes to its callback. */
export interface PrismaClient {
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** Types of ids in JavaScript, by their type in the model: `String`, `Int` or `BigInt`. */
export interface PrismaIds {
  readonly String: string;
  readonly Int: number;
  readonly BigInt: bigint;
}

export interface PrismaId<Type extends keyof PrismaIds> {
  /** Field of the model, present in the rows of `find`. */
  readonly field: string;
  readonly type: Type;
  /**
   * Column in the database, if `@map` renames it, or `o.id` if two tables have one.
   * @default field
   */
  readonly column?: string;
}

export interface PrismaSource<Type extends keyof PrismaIds, Row extends object> extends SqlList, SessionSource {
  /** Field with `@id`, or another one with `@unique`. */
  readonly id: PrismaId<Type>;
  /**
   * Function that reads the rows with these ids, in any order:
   * `(ids) => prisma.order.findMany({ where: { id: { in: ids } } })`. `select` must contain the id. A row that it does not
   * return is not on the page.
   */
  readonly find: (ids: PrismaIds[Type][]) => PromiseLike<readonly Row[]>;
  /** Count of the list; adds a statement. */
  readonly total?: TotalKind;
}

/**
 * Reads one page in two steps: one statement finds the ids in their order, then `find` reads the rows. Cursors of Prisma
 * read every row before the page.
 * @param args result of `page.parse`; the keys are columns, not fields of the model
 * @throws {StoreError} with its cause when the database is late or answers with an error
 * @throws {ConfigError} when the rows show that the order is not unique
 */
export function prismaPage<Type extends keyof PrismaIds, Row extends object>(
  db: PrismaClient,
  args: PageArgs,
  source: PrismaSource<Type, Row>,
): Promise<Page<Row>> {
  return (source.session ?? alone)(() => readPrismaPage(db, args, source));
}

async function readPrismaPage<Type extends keyof PrismaIds, Row extends object>(
  db: PrismaClient,
  args: PageArgs,
  { id, find, total: kind, ...list }: PrismaSource<Type, Row>,
): Promise<Page<Row>> {
  const run = ({ text, values }: SqlFragment): PromiseLike<unknown> => db.$queryRawUnsafe(text, ...values);
  const column = quoteName(id.column ?? id.field);
  // `concat` writes the id as drivers receive it: a cast to text removes the blanks at the end of a char(n).
  const select = `${column}::text as "${ID}", concat(${column}) as "${SENT_ID}"`;
  const found = await readPage(args, {
    read: (of) => run(pageStatement(of, { ...list, select, renames: false })),
    positionOf: (row) => positionedRow(row, args).position,
  });
  const placed = found.map((row) => positionedId(row, args));
  // The row after the page is not read; only its existence matters.
  const wanted = rowsOfPage(args, placed);
  const ids = wanted.map(({ item }) => parsers[id.type](item.id));
  const rows = ids.length === 0 ? [] : await awaitQuery(args, find(ids));
  const search = unreachableStatement(args, list, found.length);
  if (search !== undefined) throwIfUnreachable(args, rowsOf(await awaitQuery(args, run(search))));
  const total = kind && parseTotal(kind, rowsOf(await awaitQuery(args, run(totalStatement(kind, list)))));
  const byId = new Map(rows.map((row) => [idOf(row, id.field), row]));
  checkFound(byId, wanted);
  return replaceItems(buildPage(args, placed, total), ({ id: text, sent }) => byId.get(sent) ?? byId.get(text));
}

const ID = "scale_page_id";
const SENT_ID = "scale_page_sent_id";

/** An id as text, and as a driver receives it. */
interface FoundId {
  readonly id: string;
  readonly sent: string;
}

function positionedId(row: unknown, args: PageArgs): PositionedRow<FoundId> {
  const { item, position } = positionedRow(row, args);
  const { [ID]: id, [SENT_ID]: sent } = item;
  if (typeof id === "string") return { item: { id, sent: typeof sent === "string" ? sent : id }, position };
  throw new StoreError(`expected the id of a row as a string, got ${describeValue(id)}`);
}

/** Without this check, rows whose ids a driver or `find` has changed would be missing from the page without an error. */
function checkFound(byId: ReadonlyMap<string, object>, wanted: readonly PositionedRow<FoundId>[]): void {
  const known = new Set(wanted.flatMap(({ item: { id, sent } }) => [id, sent]));
  const other = [...byId.keys()].find((id) => !known.has(id));
  if (other === undefined) return;
  throw new ConfigError(`prismaPage: find: expected rows with the ids that it was given, got ${describeValue(other)}`);
}

const parsers: { readonly [Type in keyof PrismaIds]: (id: string) => PrismaIds[Type] } = {
  String,
  Int: Number,
  BigInt,
};

function idOf(row: object, field: string): string {
  const id: unknown = Reflect.get(row, field);
  if (typeof id === "string" || typeof id === "number" || typeof id === "bigint") return String(id);
  throw new ConfigError(`prismaPage: find: expected rows with the field ${field}, got ${describeValue(id)}`);
}
