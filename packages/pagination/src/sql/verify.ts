import { ConfigError, StoreError } from "@scale/core";
import { answerOf, rowsOf } from "../query-result.js";
import type { PageDefinition } from "../define.js";
import type { Order } from "../types.js";
import type { SqlClient } from "./page.js";

/** The columns of a table: whether each may be null, and whether it is a key column of something unique. */
const COLUMNS = `select a.attname as name, a.attnotnull as required, exists (
  select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indpred is null
  and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
) as apart from pg_attribute a where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped`;

interface Column {
  readonly required: boolean;
  readonly apart: boolean;
}

/**
 * Holds the orders of a definition against a table, at the start of an application: each column exists, is not null where
 * the order does not say where nulls stand, and the last one is part of a primary key or a unique index. That it is unique
 * among the rows of one list, and not only together with other columns of that index, is for the application to know.
 * @param table as SQL writes it: `orders`, `sales."Orders"`
 * @throws {ConfigError} that names everything that does not hold
 * @throws {StoreError} when the database does not answer in time
 */
export async function verifyPage(db: SqlClient, page: PageDefinition, table: string): Promise<void> {
  const answer = answerOf(page, db.query(COLUMNS, [table]), `the columns of ${table} could not be read`);
  const columns = new Map(rowsOf(await answer).map(columnOf));
  const problems = [...page.orders].flatMap(([name, keys]) =>
    problemsOf(keys, columns).map((problem) => `the order "${name}": ${problem}`),
  );
  if (problems.length > 0) throw new ConfigError(`verifyPage: ${table}: ${problems.join("; ")}`);
}

function columnOf(row: unknown): readonly [string, Column] {
  if (typeof row === "object" && row !== null && "name" in row && "required" in row && "apart" in row) {
    return [String(row.name), { required: row.required === true, apart: row.apart === true }];
  }
  throw new StoreError("the catalogue answered something else than columns");
}

function problemsOf(keys: Order, columns: ReadonlyMap<string, Column>): string[] {
  return keys.flatMap(({ column, nulls }, i) => {
    const found = columns.get(column.slice(column.lastIndexOf(".") + 1));
    if (found === undefined) return [`there is no column ${column}`];
    const nullable = nulls === undefined && !found.required ? [`${column} may be null, say where nulls stand`] : [];
    const last = i === keys.length - 1 && !found.apart ? [`the last key, ${column}, is in nothing unique`] : [];
    return [...nullable, ...last];
  });
}
