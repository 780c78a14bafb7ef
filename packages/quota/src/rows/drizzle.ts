import { type SQL, sql } from "drizzle-orm";
import { type SqlRowsOptions, sqlRows } from "./sql/store.js";
import type { RowsStore } from "../types.js";

export type { SqlRowsOptions } from "./sql/store.js";

/** A Drizzle database or transaction on Postgres, whatever its driver. */
export interface DrizzleExecutor {
  execute(query: SQL): PromiseLike<unknown>;
}

/** Counters in the database of Drizzle; `tx` is what `db.transaction` passes to its callback. */
export function drizzleRows<Db extends DrizzleExecutor = DrizzleExecutor>(
  options: SqlRowsOptions<NoInfer<Db>>,
): RowsStore<Db> {
  return sqlRows(options, {
    what: "drizzleRows",
    isClient,
    runOn: (db) => async (text, params) => rowsOf(await db.execute(toSql(text, params))),
  });
}

/** A quoted name, in which `$1` is part of the name, or a parameter. */
const NAME_OR_PARAMETER = /("(?:[^"]|"")*")|\$(\d)/;

/** The statement as Drizzle builds one, with each `$n` as a parameter. */
function toSql(text: string, params: readonly string[]): SQL {
  const parts = text.split(NAME_OR_PARAMETER);
  // Of every three: what lies between, a name, the number of a parameter.
  const chunks = parts.flatMap((part, i) => {
    if (part === undefined) return [];
    return [i % 3 === 2 ? sql`${params[Number(part) - 1]}` : sql.raw(part)];
  });
  return sql.join(chunks);
}

// A list from postgres-js, an object with the list from the other drivers.
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : undefined;
  return Array.isArray(rows) ? rows : [];
}

function isClient(value: unknown): boolean {
  return typeof value === "object" && value !== null && "execute" in value && typeof value.execute === "function";
}
