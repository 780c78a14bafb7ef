import type { PoolClient } from "pg";

/** Closes the socket of a client without waiting for the server. All its statements reject with `error`. */
export function closeWith(client: PoolClient, error: Error): void {
  client.connection.stream.destroy(error);
}
