import { type SQL, sql } from "drizzle-orm";
import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** A Drizzle database or transaction on Postgres, with any driver. */
export interface DrizzleExecutor {
  execute(query: SQL): PromiseLike<unknown>;
}

/** Rows store on Drizzle. `tx` is the transaction that `db.transaction` passes to its callback. */
export function drizzleRows<Db extends DrizzleExecutor = DrizzleExecutor>(
  options: SqlRowsOptions<NoInfer<Db>>,
): RowsStore<Db> {
  return sqlRows(options, {
    what: "drizzleRows",
    isClient,
    runOn: (db) => async (text, params) => rowsOf(await db.execute(toSql(text, params))),
  });
}

/** A quoted name, in which `$1` is a part of the name, or a parameter. */
const NAME_OR_PARAMETER = /("(?:[^"]|"")*")|\$(\d)/;

/** Converts a statement to Drizzle's form, with each `$n` as a parameter. */
function toSql(text: string, params: readonly string[]): SQL {
  const parts = text.split(NAME_OR_PARAMETER);
  // `split` returns groups of three: plain SQL, a quoted name, the number of a parameter.
  const chunks = parts.flatMap((part, i) => {
    if (part === undefined) return [];
    return [i % 3 === 2 ? sql`${params[Number(part) - 1]}` : sql.raw(part)];
  });
  return sql.join(chunks);
}

// postgres-js returns an array, the other drivers an object with the array.
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : undefined;
  return Array.isArray(rows) ? rows : [];
}

function isClient(value: unknown): boolean {
  return typeof value === "object" && value !== null && "execute" in value && typeof value.execute === "function";
}
