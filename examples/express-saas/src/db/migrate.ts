import { readdir, readFile } from "node:fs/promises";
import { onceTables } from "@scale/queue/once";
import { outboxTables } from "@scale/queue/outbox";
import { quotaTables } from "@scale/quota";
import { usageLedgerTable } from "@scale/quota/redis";
import type { Pool, PoolClient } from "pg";
import { migrationFolder } from "../files.js";
import { SCHEMA } from "./schema.js";

/** Key of the advisory lock; an arbitrary number. */
const MIGRATION_LOCK = 727_001;

interface Migration {
  readonly name: string;
  sql(): string | Promise<string>;
}

/** Tables of the packages, created by the SQL that they provide. */
const PACKAGE_MIGRATIONS: readonly Migration[] = [
  { name: "0003-quota", sql: () => quotaTables({ schema: SCHEMA }) + usageLedgerTable({ schema: SCHEMA }) },
  { name: "0005-jobs", sql: () => outboxTables({ schema: SCHEMA }) + onceTables({ schema: SCHEMA }) },
];

/**
 * Applies the missing migrations in the order of their names, in one transaction. Processes that start at the same time
 * wait for each other.
 */
export async function migrate(pool: Pool): Promise<void> {
  const migrations = await allMigrations();
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await applyMissing(client, migrations);
    await client.query("commit");
  } catch (error) {
    // Closes the connection, which rolls back the transaction.
    client.release(true);
    throw error;
  }
  client.release();
}

async function allMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(migrationFolder)).filter((name) => name.endsWith(".sql"));
  const fileMigrations = files.map((name) => ({ name, sql: () => readFile(new URL(name, migrationFolder), "utf8") }));
  return [...fileMigrations, ...PACKAGE_MIGRATIONS].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function applyMissing(client: PoolClient, migrations: readonly Migration[]): Promise<void> {
  await client.query(`create schema if not exists ${SCHEMA}`);
  await client.query("create table if not exists crm.migrations (name text primary key)");
  const { rows } = await client.query<{ name: string }>("select name from crm.migrations");
  const applied = new Set(rows.map(({ name }) => name));
  for (const { name, sql } of migrations.filter((migration) => !applied.has(migration.name))) {
    await client.query(await sql());
    await client.query("insert into crm.migrations (name) values ($1)", [name]);
  }
}
