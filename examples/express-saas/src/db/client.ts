import { AsyncResource } from "node:async_hooks";
import { createRouter, type Router } from "@scale/db-router";
import { drizzleClients, type RoutedDrizzle } from "@scale/db-router/drizzle";
import { type PgNode, pgNode, routedPool } from "@scale/db-router/pg";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";

export type Database = NodePgDatabase;

/** A client whose statements run on the node the router chooses. Statements of `$primary` run on the primary. */
export type RoutedDatabase = RoutedDrizzle<Database>;

export interface DatabaseConnection {
  /** Reads run on replicas that have replayed the writes of the session; everything else runs on the primary. */
  readonly db: RoutedDatabase;
  /** The same routing for SQL strings. */
  readonly pool: Pool;
  readonly router: Router;
  /**
   * Runs work of the product itself: outside the tenant of the current request, so that it does not count against the
   * tenant's concurrency, and in a new session.
   */
  readonly outsideTenant: <T>(work: () => T) => T;
}

/** Pool size of one server: maximum open connections, and minimum idle ones. */
export interface PoolSize {
  readonly max: number;
  readonly min: number;
}

export interface ConnectOptions {
  readonly url: string;
  readonly replicaUrls: readonly string[];
  readonly pools: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** Maximum number of statements a tenant may run at the same time. */
  readonly maxConcurrencyOf: (tenantId: string) => number;
  /** Signs session tokens. Must be equal in all processes. */
  readonly secret: string;
  /** Receives errors of idle connections, which no caller awaits. */
  readonly onError: (error: unknown) => void;
}

/**
 * Time to detect a frozen replica and retry its queries elsewhere: 1.5 s with the router's defaults, plus headroom for a
 * busy machine. A shorter timeout would fail requests that would have succeeded.
 */
export const FAILOVER_MS = 2500;

/** Creates the router and its pools. Connections open on demand and close with `router.close`. */
export function connectDatabase(options: ConnectOptions): DatabaseConnection {
  const { url, replicaUrls, pools, maxConcurrencyOf, secret } = options;
  const router = createRouter({
    name: "crm",
    primary: nodeAt(url, "primary", options),
    replicas: replicaUrls.map((replicaUrl, i) => nodeAt(replicaUrl, `replica-${i + 1}`, options)),
    // A different key than for cursors, so that a cursor cannot be used as a token.
    readYourWrites: { secrets: [`session ${secret}`] },
    limits: {
      bulkhead: { perTenant: maxConcurrencyOf, waitMs: FAILOVER_MS },
      // While no replica serves, reads leave two connections of the primary for writes.
      primaryReads: { maxConcurrent: Math.max(1, pools.primary.max - 2) },
    },
  });
  const { db } = drizzleClients(router, { make: (client) => drizzle({ client }) });
  // Created without a tenant context, so that work run in it has none.
  const outside = new AsyncResource("crm");
  return {
    db,
    pool: routedPool(router),
    router,
    outsideTenant: (work) => outside.runInAsyncScope(() => router.run({ startFresh: true }, work)),
  };
}

function nodeAt(connectionString: string, name: string, { pools, onError }: ConnectOptions): PgNode {
  const role = name === "primary" ? "primary" : "replica";
  const config = { application_name: "example-express-saas", ...pools[role] };
  // A longer statement is a mistake, and would hold one of its tenant's connections.
  const node = pgNode({ name, role, connectionString, config, statementTimeoutMs: 5000 });
  node.pool.on("error", onError);
  return node;
}
