import { readdir, readFile } from "node:fs/promises";
import type { Pool, PoolClient } from "pg";
import { migrationFolder } from "../files.js";

/** Any number, the same in every process. */
const MIGRATION_LOCK = 727_001;

/**
 * Applies the SQL files that the database has not seen, in the order of their names, all of them or none.
 * Processes that start together wait for each other.
 */
export async function migrate(pool: Pool): Promise<void> {
  const files = (await readdir(migrationFolder)).filter((name) => name.endsWith(".sql")).sort();
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await applyMissing(client, files);
    await client.query("commit");
  } catch (error) {
    // Closes the connection, which undoes the transaction.
    client.release(true);
    throw error;
  }
  client.release();
}

async function applyMissing(client: PoolClient, files: readonly string[]): Promise<void> {
  await client.query("create schema if not exists crm");
  await client.query("create table if not exists crm.migrations (name text primary key)");
  const { rows } = await client.query<{ name: string }>("select name from crm.migrations");
  const applied = new Set(rows.map(({ name }) => name));
  for (const file of files.filter((name) => !applied.has(name))) {
    await client.query(await readFile(new URL(file, migrationFolder), "utf8"));
    await client.query("insert into crm.migrations (name) values ($1)", [file]);
  }
}
