import { createDatabase } from "@scale/testkit";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { sql } from "drizzle-orm";
import { Pool } from "pg";
import { drizzleRows } from "../src/rows/drizzle.js";
import { type PgExecutor, pgRows } from "../src/rows/pg.js";
import { prismaRows } from "../src/rows/prisma.js";
import { quotaTables } from "../src/postgres/tables.js";
import type { RowsHarness } from "../src/testing/index.js";
import { connectPrisma, type ContactsTransaction } from "./prisma-client.js";

/** Maximum number of concurrent transactions. */
const CONNECTIONS = 24;
const CONTACTS = "create table contacts (id serial primary key, tenant_id text not null)";

export interface Closable<Db> extends RowsHarness<Db> {
  close(): Promise<void>;
}

/** Creates a database with the tables of the suite, and a pool on it. */
export async function contactsPool(server: string, name: string): Promise<Pool> {
  const pool = new Pool({ connectionString: await createDatabase(server, name), max: CONNECTIONS });
  await pool.query(`${CONTACTS}; ${quotaTables()}`);
  return pool;
}

const INSERT = "insert into contacts (tenant_id) select $1 from generate_series(1, $2::int)";
const REMOVE =
  "delete from contacts where id in (select id from contacts where tenant_id = $1 limit $2::int for update) returning id";
const COUNT = "select count(*)::int as rows from contacts where tenant_id = $1";

export async function pgHarness(server: string, name = "quota_pg"): Promise<Closable<PgExecutor>> {
  const pool = await contactsPool(server, name);
  return {
    store: pgRows({ db: pool }),
    db: pool,
    close: () => pool.end(),
    transaction: (work) => inTransaction(pool, work),
    insert: async (db, tenantId, rows) => void (await db.query(INSERT, [tenantId, String(rows)])),
    remove: async (db, tenantId, rows) => (await db.query(REMOVE, [tenantId, String(rows)])).rows.length,
    count: async (db, tenantId) => rowsIn((await db.query(COUNT, [tenantId])).rows),
  };
}

export async function inTransaction<T>(pool: Pool, work: (tx: PgExecutor) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

export async function drizzleHarness(server: string, name = "quota_drizzle"): Promise<Closable<NodePgDatabase>> {
  const pool = await contactsPool(server, name);
  const db: NodePgDatabase = drizzle({ client: pool });
  return {
    store: drizzleRows<NodePgDatabase>({ db }),
    db,
    close: () => pool.end(),
    transaction: (work) => db.transaction(work),
    async insert(on, tenantId, rows) {
      await on.execute(sql`insert into contacts (tenant_id) select ${tenantId} from generate_series(1, ${rows}::int)`);
    },
    async remove(on, tenantId, rows) {
      const some = sql`select id from contacts where tenant_id = ${tenantId} limit ${rows} for update`;
      return (await on.execute(sql`delete from contacts where id in (${some}) returning id`)).rows.length;
    },
    async count(on, tenantId) {
      return rowsIn(
        (await on.execute(sql`select count(*)::int as rows from contacts where tenant_id = ${tenantId}`)).rows,
      );
    },
  };
}

export async function prismaHarness(server: string, name = "quota_prisma"): Promise<Closable<ContactsTransaction>> {
  const pool = await contactsPool(server, name);
  const client = await connectPrisma(pool.options.connectionString ?? "", CONNECTIONS);
  await pool.end();
  return {
    store: prismaRows<ContactsTransaction>({ db: client }),
    db: client,
    close: () => client.$disconnect(),
    transaction: (work) => client.$transaction(work, { maxWait: 20_000, timeout: 20_000 }),
    async insert(db, tenantId, rows) {
      await db.contact.createMany({ data: Array.from({ length: rows }, () => ({ tenantId })) });
    },
    async remove(db, tenantId, rows) {
      const found = await db.$queryRawUnsafe(REMOVE.replace("$2", String(rows)), tenantId);
      return Array.isArray(found) ? found.length : 0;
    },
    count: (db, tenantId) => db.contact.count({ where: { tenantId } }),
  };
}

function rowsIn([row]: readonly unknown[]): number {
  if (typeof row === "object" && row !== null && "rows" in row) return Number(row.rows);
  throw new Error("expected a count");
}
