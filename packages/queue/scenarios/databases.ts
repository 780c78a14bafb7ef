import { createDatabase, generatePrismaClient } from "@scale/testkit";
import { drizzle } from "drizzle-orm/node-postgres";
import { Pool } from "pg";
import { onceTables } from "../src/once/index.js";
import { outboxTables } from "../src/outbox/index.js";
import { queueTables } from "../src/postgres/index.js";
import type { SqlClient } from "../src/sql/client.js";
import { drizzleClient, type DrizzleExecutor } from "../src/sql/drizzle.js";
import { pgClient, type PgExecutor } from "../src/sql/pg.js";
import { type PrismaDatabase, type PrismaExecutor, prismaClient } from "../src/sql/prisma.js";
import { inTransaction } from "./transaction.js";

/** Maximum concurrent transactions of the application. */
const CONNECTIONS = 16;

/** A database with the tables of the package, and one client library on it. */
export interface TestDatabase<Tx> {
  readonly client: SqlClient<Tx>;
  /** A pool beside the client, for what a test looks at. */
  readonly pool: Pool;
  /** The client itself, which is no transaction. */
  readonly own: Tx;
  /** Runs `work` in a transaction of the application. It commits, or rolls back when `work` rejects. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** An empty database with the tables of the package, and `orders` for what the application writes. */
export async function openPool(server: string, name: string): Promise<Pool> {
  const pool = new Pool({ connectionString: await createDatabase(server, name), max: CONNECTIONS });
  await createTables(pool);
  return pool;
}

async function createTables(pool: Pool): Promise<void> {
  await pool.query(`create table if not exists orders (id text primary key);
${outboxTables()}${onceTables()}${queueTables()}`);
}

export async function pgDatabase(server: string, name: string): Promise<TestDatabase<PgExecutor>> {
  const pool = await openPool(server, name);
  return {
    client: pgClient(pool),
    pool,
    own: pool,
    transaction: (work) => inTransaction(pool, work),
    close: () => pool.end(),
  };
}

export async function drizzleDatabase(server: string, name: string): Promise<TestDatabase<DrizzleExecutor>> {
  const pool = await openPool(server, name);
  const db = drizzle({ client: pool });
  return {
    client: drizzleClient(db),
    pool,
    own: db,
    transaction: (work) => db.transaction(work),
    close: () => pool.end(),
  };
}

interface PrismaTestClient extends PrismaDatabase {
  $disconnect(): Promise<void>;
}

const models = `
model Order {
  id String @id
  @@map("orders")
}
`;

export async function prismaDatabase(server: string, name: string): Promise<TestDatabase<PrismaExecutor>> {
  const pool = await openPool(server, name);
  const generated = await generatePrismaClient<PrismaTestClient>({
    from: import.meta.url,
    package: "@scale/queue",
    models,
  });
  const prisma = generated.connect({ connectionString: pool.options.connectionString ?? "", max: CONNECTIONS });
  return {
    client: prismaClient(prisma),
    pool,
    own: prisma,
    transaction: (work) =>
      prisma.$transaction(work, { isolationLevel: "ReadCommitted", maxWait: 20_000, timeout: 20_000 }),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
