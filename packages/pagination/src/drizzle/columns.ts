import { ConfigError } from "@scale/core";
import { getTableColumns, type SQL, sql } from "drizzle-orm";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import type { Piece } from "../keyset/keyset.js";
import type { PageArgs, SortKey } from "../types.js";

export type Write = (pieces: readonly Piece[]) => SQL;

/**
 * Writes the pieces of SQL with the columns of a table.
 * @throws {ConfigError} when the table has no such column, or its schema says that it cannot be the key it is used as
 */
export function writerFor(table: PgTable, { keys, order }: PageArgs): Write {
  const columns = new Map(keys.map((key) => [key.column, columnOf(table, key)]));
  const what = `the order "${order}" on the table ${getTableConfig(table).name}`;
  for (const { column, nulls } of keys) {
    if (nulls === undefined && columns.get(column)?.notNull === false) {
      throw new ConfigError(
        `${what}: ${column} may be null in the schema, and the order does not say where nulls stand`,
      );
    }
  }
  const last = columns.get(keys.at(-1)?.column ?? "");
  if (last !== undefined && !isUnique(table, last)) {
    throw new ConfigError(
      `${what}: the last key, ${last.name}, is in no primary key and in nothing unique of the schema`,
    );
  }
  const one = (piece: Piece): SQL => {
    if (typeof piece === "string") return sql.raw(piece);
    if ("column" in piece) return sql`${columns.get(piece.column.column)}`;
    const type = piece.of.type ?? typeOf(columns.get(piece.of.column));
    return type === undefined ? sql`${piece.value}` : sql`${piece.value}::text::${sql.raw(type)}`;
  };
  return (pieces) => sql.join(pieces.map(one));
}

/** By the name in the database, else by the name in the schema. */
function columnOf(table: PgTable, { column }: SortKey): PgColumn {
  const columns: Readonly<Record<string, PgColumn>> = getTableColumns(table);
  const found =
    Object.values(columns).find(({ name }) => name === column) ??
    (Object.hasOwn(columns, column) ? columns[column] : undefined);
  if (found !== undefined) return found;
  throw new ConfigError(`the table ${getTableConfig(table).name} has no column ${column}`);
}

/** Part of a key of the table: unique as a whole it must be among the rows of one tenant, which the schema cannot tell. */
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

/** Types whose values some drivers write in their own way, with less in them, unless they are sent as text. */
const PLAIN =
  /^(?:boolean|smallint|integer|bigint|real|double precision|numeric|uuid|date|time(?:stamp)?)(?: with time zone)?$/;

// Without precision and scale: where the schema names fewer digits than the table has, a cast would round the place away.
function typeOf(column: PgColumn | undefined): string | undefined {
  return PLAIN.exec(column?.getSQLType().replace(/ ?\([\d, ]+\)/, "") ?? "")?.[0];
}
