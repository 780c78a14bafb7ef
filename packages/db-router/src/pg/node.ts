import { TimeoutError } from "@scale/core";
import pg, { type Client, type Pool, type PoolClient, type PoolConfig } from "pg";
import { startResponsiveTimeout } from "../responsive-timeout.js";
import type { DbNode, RowsLike } from "../types.js";
import { connectionLose } from "./events.js";
import { parseNode, type PgNodeOptions, poolConfig } from "./options.js";

/** A server of the router, with a pool that keeps its real type. */
export interface PgNode extends DbNode {
  readonly pool: Pool;
}

/**
 * A server for `createRouter`, with a pool of its own, or with the caller's.
 * Opens no connection. A connection that breaks while nobody uses it is published as `scale:db-router:connection-lose`,
 * and ends neither the process nor the pool.
 * @throws {ConfigError} for options that are wrong
 */
export function pgNode(options: PgNodeOptions): PgNode {
  const parsed = parseNode(options);
  const { name, weight, zone } = parsed;
  const pool = parsed.pool ?? new pg.Pool(poolConfig(parsed));
  surviveLosses(name, pool);
  return {
    name,
    pool,
    isOwned: parsed.pool === undefined,
    probe: (sql, timeoutMs) => probe({ name, pool, timeoutMs }, sql),
    ...(weight === undefined ? {} : { weight }),
    ...(zone === undefined ? {} : { zone }),
  };
}

const watched = new WeakSet<PoolClient>();

/** Without a listener an "error" event ends the process: of the pool for idle clients, of a client for one that is lent. */
function surviveLosses(node: string, pool: Pool): void {
  const publish = (error: Error): void => connectionLose.publish(() => ({ node, error }));
  pool.on("error", publish);
  // Not "connect": a pool of the caller has clients already.
  pool.on("acquire", (client) => {
    if (watched.has(client)) return;
    watched.add(client);
    client.on("error", publish);
  });
}

interface Probe {
  readonly name: string;
  readonly pool: Pool;
  readonly timeoutMs: number;
}

/**
 * One timeout for the connection and the statement, since a frozen server accepts connections and then never answers. The
 * connection takes several round trips, so that a busy event loop delays it several times: that must not eject the server.
 */
function probe({ name, pool, timeoutMs }: Probe, sql: string): Promise<RowsLike> {
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
    // The statement's own promise tells what is wrong.
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

/** Says goodbye, and does not wait for an answer, which a frozen server never gives. */
function discard(client: Client): void {
  client.end().catch(() => undefined);
  const { stream } = client.connection;
  if (stream.writableEnded) stream.once("finish", () => stream.destroy());
  else stream.destroy();
}

/** What a pool makes its clients with. It hides the password from those who copy its options. */
function clientConfig({ options }: Pool): PoolConfig {
  return options.password === undefined ? { ...options } : { ...options, password: options.password };
}
