import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** Anything of `pg` that runs a query: a pool, a client of it, or what a query builder wraps around them. */
export interface PgExecutor {
  query(text: string, params: string[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Counters in the database of a `pg` pool; `tx` is the client that ran `BEGIN`. */
export function pgRows<Db extends PgExecutor = PgExecutor>(options: SqlRowsOptions<NoInfer<Db>>): RowsStore<Db> {
  return sqlRows(options, {
    what: "pgRows",
    isClient,
    runOn: (db) => async (text, params) => (await db.query(text, [...params])).rows,
  });
}

function isClient(value: unknown): boolean {
  return typeof value === "object" && value !== null && "query" in value && typeof value.query === "function";
}
