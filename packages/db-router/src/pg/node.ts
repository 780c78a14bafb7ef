import { TimeoutError } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import pg, { type Client, type Pool, type PoolClient } from "pg";
import { startResponsiveTimeout } from "../responsive-timeout.js";
import type { DbNode, RowsLike } from "../types.js";
import { clientConfig } from "./client-config.js";
import { connectionLose } from "./events.js";
import { checkNodeOptions, defaultSizeOf, type PgNodeOptions, poolConfig } from "./options.js";
import { createPollConnection } from "./poll-connection.js";

/** A node of the router, with the real type of its pool. */
export interface PgNode extends DbNode {
  readonly pool: Pool;
}

/**
 * Creates a node for `createRouter`, with its own pool or the caller's. Opens no connection.
 * A connection that breaks while idle is published as `scale:db-router:connection-lose`; the process and the pool go on.
 * @throws {ConfigError} that names the invalid option
 */
export function pgNode(options: PgNodeOptions): PgNode {
  checkNodeOptions(options);
  const { name, weight, zone } = options;
  const pool = options.pool ?? new pg.Pool(poolConfig(options));
  surviveLosses(name, pool);
  const sizedAs = defaultSizeOf(options);
  return {
    name,
    pool,
    isOwned: options.pool === undefined,
    probe: (sql, timeoutMs) => probe({ name, pool, timeoutMs }, sql),
    // A pool that lets the process exit is not kept from it by polls.
    ...(pool.options.allowExitOnIdle ? {} : { polls: createPollConnection(pool) }),
    ...(sizedAs === undefined ? {} : { sizedAs }),
    ...(weight === undefined ? {} : { weight }),
    ...(zone === undefined ? {} : { zone }),
  };
}

const watched = new WeakSet<PoolClient>();

/** Without a listener an "error" event ends the process. The pool emits it for idle clients, a client while checked out. */
function surviveLosses(node: string, pool: Pool): void {
  // A connection emits its events in the context of the request that opened it, whichever request uses it now.
  const publish = (error: Error): void => inRootContext(() => connectionLose.publish(() => ({ node, error })));
  pool.on("error", publish);
  // "acquire" and not "connect": the caller's pool may already have clients.
  pool.on("acquire", (client) => {
    if (watched.has(client)) return;
    watched.add(client);
    client.on("error", publish);
  });
}

/**
 * One timeout for connecting and querying, because a frozen server accepts connections and never replies. Connecting takes
 * several round trips, and a busy event loop delays each of them: that must not eject the server.
 */
function probe(
  { name, pool, timeoutMs }: { readonly name: string; readonly pool: Pool; readonly timeoutMs: number },
  sql: string,
): Promise<RowsLike> {
  // Without the client's own timer, which would count the time in which this process did not run.
  const client = new pg.Client({ ...clientConfig(pool), connectionTimeoutMillis: 0 });
  return new Promise((resolve, reject) => {
    const cancelTimeout = startResponsiveTimeout(() => {
      discard(client);
      reject(new TimeoutError(`a probe of ${name}`, timeoutMs));
    }, timeoutMs);
    const finish = (settle: () => void): void => {
      cancelTimeout();
      discard(client);
      settle();
    };
    // The promise of the query rejects with the same error.
    client.on("error", () => undefined);
    client
      .connect()
      .then(() => client.query<Record<string, unknown>>(sql))
      .then(
        (rows) => finish(() => resolve(rows)),
        (error: unknown) => finish(() => reject(error)),
      );
  });
}

/** Sends the end of the session and closes the socket without waiting: a frozen server never replies. */
function discard(client: Client): void {
  client.end().catch(() => undefined);
  const { stream } = client.connection;
  if (stream.writableEnded) stream.once("finish", () => stream.destroy());
  else stream.destroy();
}
