import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { answerOf, pageAnswerOf, rowsOf } from "../query-result.js";
import { pageOf, type Placed, replaceItems } from "../page.js";
import { placedOf } from "../sql/page.js";
import { pageStatement, type SqlList, totalStatement } from "../keyset/statement.js";
import { quoteName, type SqlText } from "../keyset/writer.js";
import { parseTotal } from "../total.js";
import type { Page, PageArgs, TotalKind } from "../types.js";

/** A Prisma client, or the client that an interactive transaction passes to its callback. */
export interface PrismaClient {
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** What an id is in JavaScript, by what it is in the model: `String`, `Int` or `BigInt`. */
export interface PrismaIds {
  readonly String: string;
  readonly Int: number;
  readonly BigInt: bigint;
}

export interface PrismaId<Type extends keyof PrismaIds> {
  /** The field of the model: that of the rows that `find` gives. */
  readonly field: string;
  readonly type: Type;
  /**
   * The column, where `@map` gives it another name, or `o.id` where two tables have one.
   * @default field
   */
  readonly column?: string;
}

export interface PrismaSource<Type extends keyof PrismaIds, Row extends object> extends SqlList {
  /** `@id`, or another field that is `@unique`. */
  readonly id: PrismaId<Type>;
  /**
   * Reads the rows with these ids, in any order: `(ids) => prisma.order.findMany({ where: { id: { in: ids } } })`. `select`
   * must have the id. A row that it leaves out is not on the page.
   */
  readonly find: (ids: PrismaIds[Type][]) => PromiseLike<readonly Row[]>;
  /** Also counts the list: one more statement. */
  readonly total?: TotalKind;
}

/**
 * Reads one page in two steps: one statement finds the ids in their order, `find` reads the rows. Prisma's own cursors
 * read every row before the page.
 * @param args what `page.parse` made of the request; the keys are columns, not fields of the model
 * @throws {StoreError} when the database does not answer in time, or with an error, which is the cause
 * @throws {ConfigError} when the rows show that the order does not tell them apart
 */
export async function prismaPage<Type extends keyof PrismaIds, Row extends object>(
  db: PrismaClient,
  args: PageArgs,
  { id, find, total: kind, ...list }: PrismaSource<Type, Row>,
): Promise<Page<Row>> {
  const run = ({ text, values }: SqlText): PromiseLike<unknown> => db.$queryRawUnsafe(text, ...values);
  const select = `${quoteName(id.column ?? id.field)}::text as "${ID}"`;
  const found = rowsOf(await pageAnswerOf(args, run(pageStatement(args, { ...list, select, renames: false }))));
  const placed = found.map((row) => placedId(row, args));
  // The row beyond the page is not read: that it exists is all that counts.
  const ids = placed.slice(0, args.size).map(({ item }) => parsers[id.type](item));
  const rows = ids.length === 0 ? [] : await answerOf(args, find(ids));
  const total = kind && parseTotal(kind, rowsOf(await answerOf(args, run(totalStatement(kind, list)))));
  const byId = new Map(rows.map((row) => [idOf(row, id.field), row]));
  return replaceItems(pageOf(args, placed, total), (item) => byId.get(item));
}

const ID = "scale_page_id";

function placedId(row: unknown, args: PageArgs): Placed<string> {
  const {
    item: { [ID]: item },
    position,
  } = placedOf(row, args);
  if (typeof item === "string") return { item, position };
  throw new StoreError(`expected the id of a row as text, got ${describeValue(item)}`);
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
