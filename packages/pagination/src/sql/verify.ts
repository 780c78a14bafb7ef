import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { awaitQuery, rowsOf } from "../query-result.js";
import type { PageDefinition } from "../define.js";
import type { Order } from "../types.js";
import type { SqlClient } from "./page.js";

/**
 * Reads the columns of a table: whether each may be null, and whether it is a key column of a unique index. A
 * listed constraint is not always kept: one that is not valid was not checked on older rows, a deferrable one may be
 * broken until the commit, and no index of a table covers the rows of the tables that inherit from it.
 */
const COLUMNS = `select a.attname as name, a.attnotnull and not exists (
  select from pg_constraint c where c.conrelid = a.attrelid and c.contype = 'n' and not c.convalidated
  and a.attnum = any(c.conkey)
) as required, exists (
  select from pg_index i where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indisready
  and i.indimmediate and i.indpred is null and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
  and not (t.relkind = 'r' and exists (select from pg_inherits h where h.inhparent = a.attrelid))
) as is_unique from pg_attribute a join pg_class t on t.oid = a.attrelid
where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped`;

interface ColumnFacts {
  readonly required: boolean;
  readonly isUnique: boolean;
}

/**
 * Checks the orders of a definition against a table, at the start of an application: each column exists, is not null unless
 * the order sets `nulls`, and the last one is part of a primary key or unique index. The application must know that the
 * last key is unique among the rows of one list, and not only together with other columns of that index.
 * @param table name in SQL: `orders`, `sales."Orders"`
 * @throws {ConfigError} with every problem
 * @throws {StoreError} when the database is late or answers with an error
 */
export async function verifyPage(db: SqlClient, page: PageDefinition, table: string): Promise<void> {
  const answer = awaitQuery(page, db.query(COLUMNS, [table]), `the database (columns of ${table})`);
  const columns = new Map(rowsOf(await answer).map(columnOf));
  const problems = [...page.orders].flatMap(([name, keys]) =>
    problemsOf(keys, columns).map((problem) => `the order "${name}": ${problem}`),
  );
  if (problems.length > 0) throw new ConfigError(`verifyPage: ${table}: ${problems.join("; ")}`);
}

function columnOf(row: unknown): readonly [string, ColumnFacts] {
  if (typeof row === "object" && row !== null && "name" in row && "required" in row && "is_unique" in row) {
    return [String(row.name), { required: row.required === true, isUnique: row.is_unique === true }];
  }
  throw new StoreError(`expected a column of the catalog, got ${describeValue(row)}`);
}

function problemsOf(keys: Order, columns: ReadonlyMap<string, ColumnFacts>): string[] {
  return keys.flatMap(({ column, nulls }, i) => {
    const found = columns.get(column.slice(column.lastIndexOf(".") + 1));
    if (found === undefined) return [`expected a column ${column}, got none`];
    const nullable =
      nulls === undefined && !found.required ? [`${column} may be null: set nulls to "first" or "last"`] : [];
    const last =
      i === keys.length - 1 && !found.isUnique
        ? [`expected the last key, ${column}, in a primary key or unique index`]
        : [];
    return [...nullable, ...last];
  });
}
