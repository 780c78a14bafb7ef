import pg, { type Client, type Pool } from "pg";
import type { DbNode, RowsLike } from "../types.js";
import { clientConfig } from "./client-config.js";

/**
 * A connection for polls beside the caller's pool. Polls on the pool would keep its last connection from ever being idle for
 * its timeout, and so keep the process alive that waits for that.
 */
export function createPollConnection(pool: Pool): NonNullable<DbNode["polls"]> {
  let open: Promise<Client> | undefined;

  function connect(): Promise<Client> {
    const client = new pg.Client({ ...clientConfig(pool), connectionTimeoutMillis: 0, keepAlive: true });
    const drop = (): void => {
      if (open === connecting) open = undefined;
    };
    // The promise of the query rejects with the same error.
    client.on("error", drop);
    client.on("end", drop);
    const connecting = client.connect().then(() => client);
    connecting.catch(drop);
    return connecting;
  }

  return {
    async query(sql): Promise<RowsLike> {
      const client = await (open ??= connect());
      const { connection } = client;
      setReferenced(connection, true);
      try {
        return await client.query<Record<string, unknown>>(sql);
      } finally {
        setReferenced(connection, false);
      }
    },
    end() {
      const ending = open;
      open = undefined;
      ending?.then((client) => client.end()).catch(() => undefined);
    },
  };
}

function setReferenced({ stream }: Client["connection"], isReferenced: boolean): void {
  if (isReferenced && "ref" in stream && typeof stream.ref === "function") stream.ref();
  if (!isReferenced && "unref" in stream && typeof stream.unref === "function") stream.unref();
}
