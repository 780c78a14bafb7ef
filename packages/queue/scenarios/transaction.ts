import type { Pool } from "pg";
import type { PgExecutor } from "../src/sql/pg.js";

/** Runs `work` between `begin` and `commit`, or `rollback` when it rejects. */
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
