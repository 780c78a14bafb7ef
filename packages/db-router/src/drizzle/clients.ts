import type { Pool } from "pg";
import type { Sessions } from "../consistency/sessions.js";
import { routedPool, type RoutedPoolOptions } from "../pg/routed-pool.js";
import type { Routing } from "../types.js";

/** A Drizzle database whose statements go where the router says, with two views that fix the choice. */
export type RoutedDrizzle<Db extends object> = Db & {
  /** View whose statements all go to the primary. */
  readonly $primary: Db;
  /** View whose reads go to a replica, while one may serve them. Everything else goes to the primary. */
  readonly $replica: Db;
};

export interface DrizzleOptions<Db extends object> extends RoutedPoolOptions {
  /** Creates a database: `(client) => drizzle({ client, schema })`. Called once for each view. */
  make: (client: Pool) => Db;
}

export interface DrizzleClients<Db extends object> {
  readonly db: RoutedDrizzle<Db>;
  /** Alias of `db.$replica`. */
  readonly dbRead: Db;
}

/**
 * Creates Drizzle databases on routed pools. They are the objects that `make` returns, of any version of Drizzle, and
 * share the connections of the router's nodes.
 */
export function drizzleClients<Db extends object>(
  router: Routing & Pick<Sessions, "primary" | "replica">,
  { make, ...options }: DrizzleOptions<Db>,
): DrizzleClients<Db> {
  const view = (to: "primary" | "replica"): Db => make(routedPool(pinned(router, to), options));
  const dbRead = view("replica");
  const db = Object.assign(make(routedPool(router, options)), { $primary: view("primary"), $replica: dbRead });
  return { db, dbRead };
}

/** The same router, with all checkouts pinned to one role. */
function pinned(router: Routing & Pick<Sessions, "primary" | "replica">, to: "primary" | "replica"): Routing {
  return {
    checkout: (request) => router[to](() => router.checkout(request)),
    primaryPool: () => router.primaryPool(),
    pools: () => router.pools(),
    onEject: (listener) => router.onEject(listener),
  };
}
