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
  /** Of the rows of the tenant those that match. */
  readonly where?: SQL | undefined;
}

/** What a resource needs of its rows. */
export interface TenantRows {
  /** The newest first, at most `limit`, those before the row `after`. */
  list(slice: Slice): Promise<Row[]>;
  /** The rows of a list that a request asked for, the newest first. */
  page(args: PageArgs): Promise<Page<Row>>;
  /** `undefined` when the tenant has no such row, whoever else may have one. */
  get(id: number): Promise<Row | undefined>;
  /** @throws {InputError} when the row names a row that the tenant does not have */
  insert(fields: Row): Promise<Row>;
  /** @throws {InputError} when the row names a row that the tenant does not have */
  update(id: number, fields: Row): Promise<Row | undefined>;
  /** @returns the row as it was */
  remove(id: number): Promise<Row | undefined>;
}

/** What else can be done with the rows of one table. */
export interface TableRows extends TenantRows {
  /** As `insert`; `undefined` when there is such a row and may be only one. */
  insertOnce(fields: Row): Promise<Row | undefined>;
  /** Keeps a row as it is, and others from pointing to it, until the transaction ends. False without such a row. */
  lock(id: number): Promise<boolean>;
  /** @returns how many there were */
  removeAll(where: SQL): Promise<number>;
}

/**
 * The rows of one table that belong to the tenant of the current request. Routes reach the database through here alone,
 * so that there is no query to forget the tenant in.
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

/** The newest ten contacts of the tenant whose name or address has the text in it. */
export function findContacts(db: Database, text: string): Promise<Row[]> {
  const has = (column: PgColumn): SQL => sql`position(lower(${text}) in lower(${column})) > 0`;
  return tenantRows(db, contacts).list({ limit: 10, where: or(has(contacts.name), has(contacts.email)) });
}

const FOREIGN_KEY_VIOLATION = "23503";

/** A reference to a row of another tenant and one to no row at all get the same answer. */
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

/** Drizzle wraps the driver's error. */
function postgresError(error: unknown): { code: string; detail: string } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = "", detail = "" } = cause as { code?: string; detail?: string };
  return { code, detail };
}
