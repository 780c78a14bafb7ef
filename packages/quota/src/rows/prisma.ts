import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** A Prisma client, or the client that an interactive transaction passes to its callback. */
export interface PrismaExecutor {
  $queryRawUnsafe(query: string, ...values: string[]): PromiseLike<unknown>;
}

/** Client that the callback of `$transaction` receives, of a client with or without extensions. */
export type PrismaTransaction<Client extends { $transaction: (work: never, ...rest: never[]) => unknown }> =
  Extract<Parameters<Client["$transaction"]>[0], (...args: never[]) => unknown> extends (tx: infer Tx) => unknown
    ? Tx
    : never;

/** Rows store on Prisma. `tx` is the client that `prisma.$transaction(async (tx) => …)` passes to its callback. */
export function prismaRows<Db extends PrismaExecutor = PrismaExecutor>(
  options: SqlRowsOptions<NoInfer<Db>>,
): RowsStore<Db> {
  return sqlRows(options, {
    what: "prismaRows",
    isClient,
    // Safe: the statements are constants with parameters. "Unsafe" is Prisma's name for SQL that is not a template.
    runOn: (db) => async (text, params) => rowsOf(await db.$queryRawUnsafe(text, ...params)),
  });
}

const rowsOf = (result: unknown): readonly unknown[] => (Array.isArray(result) ? result : []);

function isClient(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "$queryRawUnsafe" in value &&
    typeof value.$queryRawUnsafe === "function"
  );
}
