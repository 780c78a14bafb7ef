import type { Pool } from "pg";
import { type Pinning, pinned } from "../pg/pins.js";
import { routedPool, type RoutedPoolOptions } from "../pg/routed-pool.js";

/** A Drizzle database whose statements go where the router says, and two views of it that decide for themselves. */
export type RoutedDrizzle<Db extends object> = Db & {
  /** Everything on the primary. */
  readonly $primary: Db;
  /** Reads on a replica, as long as one may serve them; everything else on the primary. */
  readonly $replica: Db;
};

export interface DrizzleOptions<Db extends object> extends RoutedPoolOptions {
  /** `(client) => drizzle({ client, schema })`. Called once for each view. */
  make: (client: Pool) => Db;
}

export interface DrizzleClients<Db extends object> {
  readonly db: RoutedDrizzle<Db>;
  /** `db.$replica` by another name. */
  readonly dbRead: Db;
}

/**
 * Drizzle on a routed pool. The databases are what `make` returns, of whatever version of Drizzle, and share the
 * connections of the router's nodes.
 */
export function drizzleClients<Db extends object>(
  router: Pinning,
  { make, ...options }: DrizzleOptions<Db>,
): DrizzleClients<Db> {
  const view = (to: "primary" | "replica"): Db => make(routedPool(pinned(router, to), options));
  const dbRead = view("replica");
  const db = Object.assign(make(routedPool(router, options)), { $primary: view("primary"), $replica: dbRead });
  return { db, dbRead };
}
