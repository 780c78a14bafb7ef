import { identifier, query } from "./connect.js";

/**
 * Makes an empty database on the server of `url`, in place of one of the same name, whose connections it ends.
 * @returns the url of the new database
 */
export async function createDatabase(url: string, name: string): Promise<string> {
  await query(url, `DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
  await query(url, `CREATE DATABASE ${identifier(name)}`);
  const made = new URL(url);
  made.pathname = `/${encodeURIComponent(name)}`;
  return made.href;
}
