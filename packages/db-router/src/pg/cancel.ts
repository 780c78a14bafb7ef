import pg, { type Connection, type Pool, type PoolClient } from "pg";
import { clientConfig } from "./client-config.js";

/** Members of a connection of `pg` that its types do not have. */
interface CancelConnection {
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/** Time for the request to reach the server. */
const SEND_MS = 2_000;

/**
 * Asks the server to cancel the running statement of a client, over a connection of its own, as the protocol requires. The
 * statement ends with 57014, or with its result if it was faster.
 */
export function sendCancel(pool: Pool, client: PoolClient): void {
  if (!("processID" in client && "secretKey" in client)) return;
  const { processID, secretKey } = client;
  if (typeof processID !== "number" || typeof secretKey !== "number") return;
  const sender = new pg.Client({ ...clientConfig(pool), connectionTimeoutMillis: 0 });
  const { connection, host, port } = sender;
  if (!canCancel(connection)) return;
  const timer = setTimeout(() => connection.stream.destroy(), SEND_MS).unref();
  const send = (): void => connection.cancel(processID, secretKey);
  connection.on("error", () => undefined); // The statement ends by itself if the request does not arrive.
  connection.on("end", () => clearTimeout(timer));
  connection.on("connect", () => (sender.ssl ? connection.requestSsl() : send()));
  connection.on("sslconnect", send);
  if (host.startsWith("/")) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
}

function canCancel(connection: Connection): connection is Connection & CancelConnection {
  return "cancel" in connection && "connect" in connection && "requestSsl" in connection;
}
