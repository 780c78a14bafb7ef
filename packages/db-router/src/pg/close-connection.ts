import type { PoolClient } from "pg";

/** Closes the socket of a client without waiting for the server. All its statements reject with `error`. */
export function closeWith(client: PoolClient, error: Error): void {
  client.connection.stream.destroy(error);
}

const watched = new WeakSet<PoolClient>();

/**
 * Lets cursors and streams end with their connection. They close when the server is ready for the next query, which a lost
 * connection never tells: a stream would neither end nor report its error.
 */
export function endCursorsWithConnection(client: PoolClient): void {
  if (watched.has(client)) return;
  watched.add(client);
  const { connection } = client;
  const answer = (): void => void setImmediate(() => connection.emit("readyForQuery", { status: "I" }));
  client.once("end", () => {
    connection.on("newListener", (event) => {
      if (event === "readyForQuery") answer();
    });
    answer();
  });
}
