import pg from "pg";

const CONNECT_TIMEOUT_MS = 5_000;
/** For a server that is frozen after the connection was made. */
const QUERY_TIMEOUT_MS = 30_000;

/** Runs one statement over a connection of its own. */
export async function query(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    application_name: "testkit",
  });
  // The server may be killed at any moment; the statement's own promise tells it.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
    return rows;
  } finally {
    // Not awaited: a frozen server never says goodbye.
    client.end().catch(() => {});
  }
}

/** For statements that take no parameters. */
export function identifier(name: string): string {
  return pg.escapeIdentifier(name);
}

export function literal(text: string): string {
  return pg.escapeLiteral(text);
}
