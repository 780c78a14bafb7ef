import { setTimeout as sleep } from "node:timers/promises";
import { tenancy } from "@scale/core";
import { createRouter, type Router, type RouterOptions } from "@scale/db-router";
import { pgNode, routedPool } from "@scale/db-router/pg";
import type { PostgresCluster, PostgresNode } from "@scale/testkit";
import type { Pool } from "pg";
import { CALLS, type LateCall, TIMEOUT_MS } from "./freezes.js";
import { timed } from "./rate-limit.js";

/** Few, so that calls queue for a connection. */
const CONNECTIONS = 2;

/** The calls of a router that a frozen node holds up. */
export interface LateRouters {
  readonly onReplica: readonly LateCall[];
  readonly onPrimary: readonly LateCall[];
  close(): Promise<void>;
}

export async function lateRouters(cluster: PostgresCluster): Promise<LateRouters> {
  const [replica] = cluster.replicas as [PostgresNode];
  await cluster.primary.query("create table late (name text not null)");
  await cluster.caughtUp();
  const routers: Router[] = [];
  const open = async (limits: RouterOptions["limits"] = {}): Promise<Routed> => {
    const [primary, first] = [cluster.primary, replica].map(({ name, url: connectionString }) =>
      pgNode({ name, connectionString, config: { max: CONNECTIONS, min: 0, connectionTimeoutMillis: TIMEOUT_MS } }),
    ) as [ReturnType<typeof pgNode>, ReturnType<typeof pgNode>];
    const router = createRouter({
      ...{ primary, replicas: [first], limits },
      lag: { pollMs: 25, pollTimeoutMs: TIMEOUT_MS },
      health: { probeMs: 50 },
    });
    routers.push(router);
    await router.ready();
    return { router, pool: routedPool(router) };
  };
  return {
    onReplica: [
      reads(await open()),
      queues(await open({ bulkhead: { perTenant: 1, waitMs: TIMEOUT_MS } })),
      probes(replica),
    ],
    onPrimary: [writes(await open(), cluster.primary), transactions(await open(), cluster.primary)],
    close: async () => void (await Promise.all(routers.map((router) => router.close({ drainMs: 0 })))),
  };
}

interface Routed {
  readonly router: Router;
  readonly pool: Pool;
}

function reads({ router, pool }: Routed): LateCall {
  return {
    name: "db-router read of a replica",
    prepare: (round) =>
      Promise.resolve({
        call: (i) =>
          timed(async () => {
            const { rows } = await pool.query("select $1::int as n", [round * CALLS + i]);
            if (rows[0]?.n !== round * CALLS + i) throw new TypeError("the reply of another statement");
          }),
        wrong: () => heldOf(router),
      }),
  };
}

/** One statement of the tenant runs at a time. The others wait for its permit, at most for the deadline. */
function queues({ router, pool }: Routed): LateCall {
  return {
    name: "db-router permit of a tenant",
    prepare: () =>
      Promise.resolve({
        call: () => tenancy.run({ tenantId: "acme" }, () => pool.query("select 1")),
        wrong: () => heldOf(router),
      }),
  };
}

/** A connection that opens after its probe has been given up must not stay. */
function probes(replica: PostgresNode): LateCall {
  const name = "late-probe";
  const node = pgNode({ name, connectionString: replica.url, config: { application_name: name, min: 0 } });
  return {
    name: "db-router probe on a new connection",
    prepare: () =>
      Promise.resolve({
        call: () => node.probe("select 1", TIMEOUT_MS),
        wrong: async () =>
          (await replica.query("select 1 from pg_stat_activity where application_name = $1", [name])).length,
      }),
  };
}

function writes({ router, pool }: Routed, primary: PostgresNode): LateCall {
  return {
    name: "db-router write",
    prepare(round) {
      const written = new Set<string>();
      return Promise.resolve({
        call: (i) =>
          timed(async () => {
            const name = `write-${round}-${i}`;
            await pool.query("insert into late values ($1)", [name]);
            written.add(name);
          }),
        wrong: async () => (await heldOf(router)) + (await differenceOf(primary, `write-${round}-`, written)),
      });
    },
  };
}

function transactions({ router, pool }: Routed, primary: PostgresNode): LateCall {
  return {
    name: "db-router transaction, which waits for a connection",
    prepare(round) {
      const written = new Set<string>();
      return Promise.resolve({
        call: (i) =>
          timed(async () => {
            const name = `transaction-${round}-${i}`;
            const client = await pool.connect();
            try {
              await client.query("begin");
              await client.query("insert into late values ($1)", [name]);
              await client.query("commit");
              written.add(name);
            } finally {
              client.release();
            }
          }),
        wrong: async () => (await heldOf(router)) + (await differenceOf(primary, `transaction-${round}-`, written)),
      });
    },
  };
}

/** Rows that were acknowledged and are missing, or are there twice. */
async function differenceOf(primary: PostgresNode, prefix: string, written: ReadonlySet<string>): Promise<number> {
  const rows = await primary.query("select name from late where name like $1", [`${prefix}%`]);
  const names = rows.map(({ name }) => String(name));
  const missing = [...written].filter((name) => !names.includes(name)).length;
  return missing + names.length - new Set(names).size;
}

/** Checkouts, connections and permits that are in use while no statement runs. A poll may hold one at any one look. */
async function heldOf(router: Router): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 20 && least > 0; look++) {
    const { bulkhead, primaryReads } = router.stats();
    const ofNodes = router.health().nodes.map(({ inFlight, pool }) => inFlight + pool.waiting + pool.total - pool.idle);
    const permits = [bulkhead, primaryReads].map((each) => (each?.running ?? 0) + (each?.waiting ?? 0));
    least = Math.min(
      least,
      [...ofNodes, ...permits].reduce((sum, n) => sum + n, 0),
    );
    await sleep(5);
  }
  return least;
}
