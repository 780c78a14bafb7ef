import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** A Prisma client, or the client that an interactive transaction passes to its callback. */
export interface PrismaExecutor {
  $queryRawUnsafe(query: string, ...values: string[]): PromiseLike<unknown>;
}

/** Counters in the database of Prisma; `tx` is what `prisma.$transaction(async (tx) => …)` passes to its callback. */
export function prismaRows<Db extends PrismaExecutor = PrismaExecutor>(
  options: SqlRowsOptions<NoInfer<Db>>,
): RowsStore<Db> {
  return sqlRows(options, {
    what: "prismaRows",
    isClient,
    // The statements are constants with parameters; "unsafe" is Prisma's name for text that is not a template.
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
