import type { PostgresCluster } from "@scale/testkit";
import type { RouterOptions } from "../src/options.js";
import { type PgNode, pgNode } from "../src/pg/index.js";
import { createRouter, type Router } from "../src/router.js";
import type { Route, RouteRequest } from "../src/types.js";

const routers: Router[] = [];

/** A router over a cluster, with short polls. */
export async function routerOf(cluster: PostgresCluster, options: Partial<RouterOptions> = {}): Promise<Router> {
  const [primary, ...replicas] = cluster.nodes.map(({ name, url }) =>
    pgNode({ name, config: { connectionString: url, max: 5, min: 0, connectionTimeoutMillis: 500 } }),
  ) as [PgNode, ...PgNode[]];
  const router = createRouter({
    primary,
    replicas,
    ...options,
    lag: { pollMs: 50, pollTimeoutMs: 200, ...options.lag },
    health: { probeMs: 100, ...options.health },
  });
  routers.push(router);
  await router.ready();
  return router;
}

async function sql(
  router: Router,
  request: RouteRequest,
  text: string,
): Promise<{ route: Route; rows: readonly Record<string, unknown>[] }> {
  const checkout = await router.checkout(request);
  try {
    const { rows } = await checkout.pool.query(text);
    checkout.release({ wrote: request.intent === "write" });
    return { route: checkout.route, rows };
  } catch (error) {
    checkout.release({ error, wrote: false });
    throw error;
  }
}

type Result = ReturnType<typeof sql>;

export const write = (router: Router, text: string): Result => sql(router, { intent: "write" }, text);
export const read = (router: Router, text = "SELECT 1"): Result => sql(router, { intent: "read" }, text);

/** Closes the routers of the test. */
export async function closeRouters(): Promise<void> {
  await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 500 })));
}
