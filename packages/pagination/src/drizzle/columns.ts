import { ConfigError } from "@scale/core";
import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import type { SqlToken } from "../keyset/keyset.js";
import type { PageArgs, SortKey } from "../types.js";

export type TokenWriter = (pieces: readonly SqlToken[]) => SQL;

/**
 * Creates a writer of SQL tokens for the columns of a table.
 * @throws {ConfigError} when the table has no such column, or its schema contradicts the order
 */
export function writerFor(table: PgTable, { keys, order }: PageArgs): TokenWriter {
  const columns = new Map(keys.map((key) => [key.column, columnOf(table, key)]));
  const what = `the order "${order}" on the table ${getTableConfig(table).name}`;
  for (const { column, nulls } of keys) {
    if (nulls === undefined && columns.get(column)?.notNull === false) {
      throw new ConfigError(`${what}: ${column} may be null in the schema: set nulls to "first" or "last"`);
    }
  }
  const last = columns.get(keys.at(-1)?.column ?? "");
  if (last !== undefined && !isUnique(table, last)) {
    throw new ConfigError(
      `${what}: expected the last key, ${last.name}, in a primary key or unique index of the schema`,
    );
  }
  const one = (piece: SqlToken): SQL => {
    if (typeof piece === "string") return sql.raw(piece);
    if ("column" in piece) return sql`${columns.get(piece.column.column)}`;
    const type = piece.of.type ?? typeOf(columns.get(piece.of.column));
    return type === undefined ? sql`${piece.value}` : sql`${piece.value}::text::${sql.raw(type)}`;
  };
  return (pieces) => sql.join(pieces.map(one));
}

/**
 * Finds a column by its name in the database, else by its name in the schema. With `casing` Drizzle derives the name in the
 * database when it writes a statement, and a column knows only the name in the schema.
 */
function columnOf(table: PgTable, { column }: SortKey): PgColumn {
  const columns: Readonly<Record<string, PgColumn>> = getTableColumns(table);
  const all = Object.values(columns);
  const [derived, ...ambiguous] = all.filter(
    ({ keyAsName, name }) => keyAsName && withoutCasing(name) === withoutCasing(column),
  );
  const found =
    all.find(({ name }) => name === column) ??
    (Object.hasOwn(columns, column) ? columns[column] : undefined) ??
    (ambiguous.length === 0 ? derived : undefined);
  if (found !== undefined) return found;
  throw new ConfigError(`the table ${getTableConfig(table).name}: expected a column ${column}, got none`);
}

/** Equal for `createdAt` and `created_at`. */
const withoutCasing = (name: string): string => name.replaceAll("_", "").toLowerCase();

/** True for part of a unique key. The schema cannot tell whether the column alone is unique among the rows of one tenant. */
function isUnique(table: PgTable, column: PgColumn): boolean {
  const { primaryKeys, uniqueConstraints, indexes } = getTableConfig(table);
  const uniqueIndexes = indexes.map(({ config }) => config).filter((one) => one.unique && one.where === undefined);
  const keys: readonly { readonly columns: readonly unknown[] }[] = [
    ...primaryKeys,
    ...uniqueConstraints,
    ...uniqueIndexes,
  ];
  const nameOf = (one: unknown): unknown =>
    typeof one === "object" && one !== null && "name" in one ? one.name : undefined;
  return (
    column.primary || column.isUnique || keys.some(({ columns }) => columns.some((one) => nameOf(one) === column.name))
  );
}

/** Types whose values some drivers convert with a loss, unless they are sent as text and cast by the server. */
const CASTABLE =
  /^(?:boolean|smallint|integer|bigint|real|double precision|numeric|uuid|date|time(?:stamp)?)(?: with time zone)?$/;

// Without precision and scale: if the schema has fewer digits than the table, a cast would round the position.
function typeOf(column: PgColumn | undefined): string | undefined {
  return CASTABLE.exec(column?.getSQLType().replace(/ ?\([\d, ]+\)/, "") ?? "")?.[0];
}
