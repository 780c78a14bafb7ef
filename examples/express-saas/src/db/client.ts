import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool } from "pg";

export type Database = NodePgDatabase;

export interface DatabaseConnection {
  readonly db: Database;
  readonly pool: Pool;
}

/** Opens a pool. It is the caller's to end. */
export function connectDatabase(url: string, onError: (error: unknown) => void): DatabaseConnection {
  const pool = new Pool({
    connectionString: url,
    application_name: "example-express-saas",
    max: 10,
    // Without these two a database that went away holds every request for good.
    connectionTimeoutMillis: 3000,
    statement_timeout: 5000,
  });
  // A connection that breaks while nobody uses it: the pool replaces it, and nobody listening would end the process.
  pool.on("error", onError);
  return { db: drizzle(pool), pool };
}
