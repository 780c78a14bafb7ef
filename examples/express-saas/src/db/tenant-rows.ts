import { InputError, tenancy } from "@scale/core";
import type { Page, PageArgs } from "@scale/pagination";
import { drizzlePage } from "@scale/pagination/drizzle";
import { and, desc, eq, lt, or, type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Database } from "./client.js";
import { contacts } from "./schema.js";

/** A table whose rows belong to tenants. */
export type TenantTable = PgTable & { readonly tenantId: PgColumn; readonly id: PgColumn };

export type Row = Readonly<Record<string, unknown>>;

export interface Slice {
  readonly limit: number;
  readonly after?: number | undefined;
  /** Additional condition on the rows. */
  readonly where?: SQL | undefined;
}

/** Operations on the rows of one table that belong to the current tenant. */
export interface TenantRows {
  /** Returns at most `limit` rows older than the row `after`, newest first. */
  list(slice: Slice): Promise<Row[]>;
  /** Returns one page of a list, newest first. */
  page(args: PageArgs): Promise<Page<Row>>;
  /** Returns `undefined` when the tenant has no such row, even if another tenant has one. */
  get(id: number): Promise<Row | undefined>;
  /** @throws {InputError} when the row references a row that the tenant does not have */
  insert(fields: Row): Promise<Row>;
  /** @throws {InputError} when the row references a row that the tenant does not have */
  update(id: number, fields: Row): Promise<Row | undefined>;
  /** @returns the deleted row */
  remove(id: number): Promise<Row | undefined>;
}

/** Further operations, for code that writes in transactions. */
export interface TableRows extends TenantRows {
  /** Like `insert`, but returns `undefined` when a unique constraint already has such a row. */
  insertOnce(fields: Row): Promise<Row | undefined>;
  /** Locks a row against changes and new references until the transaction ends. @returns false when the row does not exist */
  lock(id: number): Promise<boolean>;
  /** @returns the number of deleted rows */
  removeAll(where: SQL): Promise<number>;
}

/**
 * Rows of one table that belong to the tenant of the current request. Routes access the database only through this
 * function, so that no query can omit the tenant.
 * @param db may be a transaction
 */
export function tenantRows(db: Database, table: TenantTable): TableRows {
  const ofCurrentTenant = (): SQL => eq(table.tenantId, tenancy.require().tenantId);
  const withId = (id: number): SQL | undefined => and(ofCurrentTenant(), eq(table.id, id));

  async function insertOnce(fields: Row): Promise<Row | undefined> {
    const values = { ...fields, tenantId: tenancy.require().tenantId };
    const [added] = await orInputError(db.insert(table).values(values).onConflictDoNothing().returning());
    return added;
  }

  return {
    list: ({ limit, after, where }) =>
      db
        .select()
        .from(table)
        .where(and(ofCurrentTenant(), after === undefined ? undefined : lt(table.id, after), where))
        .orderBy(desc(table.id))
        .limit(limit),
    page: (args) => drizzlePage(db, args, { from: table, where: ofCurrentTenant() }),
    async get(id) {
      const [found] = await db.select().from(table).where(withId(id));
      return found;
    },
    insertOnce,
    async insert(fields) {
      const added = await insertOnce(fields);
      if (added === undefined) throw new Error("the insert returned no row");
      return added;
    },
    async update(id, fields) {
      const [changed] = await orInputError(db.update(table).set(fields).where(withId(id)).returning());
      return changed;
    },
    async lock(id) {
      const found = await db.select({ id: table.id }).from(table).where(withId(id)).for("update");
      return found.length > 0;
    },
    async remove(id) {
      const [removed] = await db.delete(table).where(withId(id)).returning();
      return removed;
    },
    async removeAll(where) {
      const removed = await db.delete(table).where(and(ofCurrentTenant(), where)).returning({ id: table.id });
      return removed.length;
    },
  };
}

/** Returns the ten newest contacts of the tenant whose name or e-mail address contains the text. */
export function findContacts(db: Database, text: string): Promise<Row[]> {
  const has = (column: PgColumn): SQL => sql`position(lower(${text}) in lower(${column})) > 0`;
  return tenantRows(db, contacts).list({ limit: 10, where: or(has(contacts.name), has(contacts.email)) });
}

const FOREIGN_KEY_VIOLATION = "23503";

/** Maps a foreign key violation to an InputError. A row of another tenant and a missing row give the same error. */
async function orInputError<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    const { code, detail } = postgresError(error);
    if (code !== FOREIGN_KEY_VIOLATION) throw error;
    // `Key (tenant_id, contact_id)=(…) is not present in table "contacts".`
    const [, table = "rows"] = /in table "(\w+)"/.exec(detail) ?? [];
    throw new InputError(`there is no such row in ${table}`, { cause: error });
  }
}

/** Unwraps the driver's error from Drizzle's. */
function postgresError(error: unknown): { code: string; detail: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = "", detail = "" } = cause as { code?: string; detail?: string };
  return { code, detail };
}
