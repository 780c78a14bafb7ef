import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { awaitPageQuery, awaitQuery, parseTotal, rowsOf } from "../query-result.js";
import { buildPage, type PositionedRow, replaceItems } from "../page.js";
import { positionedRow } from "../keyset/row.js";
import { pageStatement, type SqlList, totalStatement } from "../keyset/statement.js";
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

export interface PrismaSource<Type extends keyof PrismaIds, Row extends object> extends SqlList {
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
export async function prismaPage<Type extends keyof PrismaIds, Row extends object>(
  db: PrismaClient,
  args: PageArgs,
  { id, find, total: kind, ...list }: PrismaSource<Type, Row>,
): Promise<Page<Row>> {
  const run = ({ text, values }: SqlFragment): PromiseLike<unknown> => db.$queryRawUnsafe(text, ...values);
  const select = `${quoteName(id.column ?? id.field)}::text as "${ID}"`;
  const found = rowsOf(await awaitPageQuery(args, run(pageStatement(args, { ...list, select, renames: false }))));
  const placed = found.map((row) => positionedId(row, args));
  // The row after the page is not read; only its existence matters.
  const ids = placed.slice(0, args.size).map(({ item }) => parsers[id.type](item));
  const rows = ids.length === 0 ? [] : await awaitQuery(args, find(ids));
  const total = kind && parseTotal(kind, rowsOf(await awaitQuery(args, run(totalStatement(kind, list)))));
  const byId = new Map(rows.map((row) => [idOf(row, id.field), row]));
  return replaceItems(buildPage(args, placed, total), (item) => byId.get(item));
}

const ID = "scale_page_id";

function positionedId(row: unknown, args: PageArgs): PositionedRow<string> {
  const {
    item: { [ID]: item },
    position,
  } = positionedRow(row, args);
  if (typeof item === "string") return { item, position };
  throw new StoreError(`expected the id of a row as a string, got ${describeValue(item)}`);
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
