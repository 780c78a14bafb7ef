import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** A `pg` pool or client, or an object with the same `query`, as query builders have. */
export interface PgExecutor {
  query(text: string, params: string[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Rows store on a `pg` pool. `tx` is the client that ran `BEGIN`. */
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
