import { AsyncResource } from "node:async_hooks";
import { createRouter, type Router } from "@scale/db-router";
import { drizzleClients, type RoutedDrizzle } from "@scale/db-router/drizzle";
import { type PgNode, pgNode, routedPool } from "@scale/db-router/pg";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";

export type Database = NodePgDatabase;

/** One whose statements run where the router says; those of `$primary` all on the primary. */
export type RoutedDatabase = RoutedDrizzle<Database>;

export interface DatabaseConnection {
  /** Reads run on replicas that have what their session has written; everything else on the primary. */
  readonly db: RoutedDatabase;
  /** The same for statements as text. */
  readonly pool: Pool;
  readonly router: Router;
  /**
   * Runs what is the product's own, whoever's request led to it: for no tenant, so that it takes none of a tenant's places,
   * and in a session of its own.
   */
  readonly outsideTenant: <T>(work: () => T) => T;
}

/** Connections to one server: those that may be open, and those that stay open while nobody uses them. */
export interface PoolSize {
  readonly max: number;
  readonly min: number;
}

export interface ConnectOptions {
  readonly url: string;
  readonly replicaUrls: readonly string[];
  readonly pools: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** How many statements of a tenant may run at the same time. */
  readonly maxConcurrencyOf: (tenantId: string) => number;
  /** Signs what a response tells its client of writes; the same in all processes. */
  readonly secret: string;
  /** Gets the errors of connections that nobody waits for. */
  readonly onError: (error: unknown) => void;
}

/**
 * Until a replica that freezes is found out, and what hangs there runs elsewhere: 1.5 seconds by the router's defaults, and
 * some for a machine that is busy. Who gives up before that fails for it.
 */
export const FAILOVER_MS = 2500;

/** Makes pools, and opens connections as they are needed. All of it ends with `router.close`. */
export function connectDatabase(options: ConnectOptions): DatabaseConnection {
  const { url, replicaUrls, pools, maxConcurrencyOf, secret } = options;
  const router = createRouter({
    name: "crm",
    primary: nodeAt(url, "primary", options),
    replicas: replicaUrls.map((replicaUrl, i) => nodeAt(replicaUrl, `replica-${i + 1}`, options)),
    // Not what signs cursors: neither can stand for the other.
    readYourWrites: { secrets: [`session ${secret}`] },
    bulkhead: { perTenant: maxConcurrencyOf, waitMs: FAILOVER_MS },
    // While no replica serves, reads leave the primary two connections for writes.
    primaryReads: { maxConcurrent: Math.max(1, pools.primary.max - 2) },
  });
  const { db } = drizzleClients(router, { make: (client) => drizzle({ client }) });
  // Made here, where there is no tenant: what runs in it has none.
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
  // A statement that runs for so long is a mistake, and holds a place of its tenant.
  const node = pgNode({ name, role, connectionString, config, statementTimeoutMs: 5000 });
  node.pool.on("error", onError);
  return node;
}
