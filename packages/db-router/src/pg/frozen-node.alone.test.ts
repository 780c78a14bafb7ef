import {
  type ContactsCluster,
  findPostgres,
  type PostgresNode,
  startContacts,
  startPostgres,
  waitUntil,
} from "@scale/testkit";
import pg, { type Pool } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { tenancy } from "@scale/core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RouterOptions } from "../options.js";
import { createRouter, type Router } from "../router.js";
import { pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const INSERT = "insert into contacts (tenant_id, name) values ('x', 'y')";

describe.skipIf(!findPostgres())("a frozen server", () => {
  const routers: Router[] = [];
  const pools: Pool[] = [];
  afterEach(async () => {
    await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 0 })));
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
  });

  async function routed(
    nodes: readonly PostgresNode[],
    options: Partial<RouterOptions> = {},
  ): Promise<{ router: Router; pool: Pool }> {
    const [primary, ...replicas] = nodes.map(({ name, url }) =>
      pgNode({ name, config: { connectionString: url, max: 5, min: 0, connectionTimeoutMillis: 5_000 } }),
    );
    const router = createRouter({ primary: primary!, replicas, lag: { pollMs: 50, pollTimeoutMs: 100 }, ...options });
    routers.push(router);
    await router.ready();
    return { router, pool: routedPool(router) };
  }

  const unwritable = (router: Router): Promise<void> =>
    waitUntil(() => !router.health().isWritable, { what: "an unreachable primary" });

  describe("without an alternative", () => {
    let cluster: ContactsCluster;
    beforeAll(async () => {
      cluster = await startContacts();
    });
    afterAll(() => cluster.stop());

    it.each(["one server", "pinned reads beside replicas"])(
      "answers everything after it goes on, as plain pg does: %s",
      async (what) => {
        const { primary } = cluster;
        const { router, pool } = await routed(what === "one server" ? [primary] : cluster.nodes);
        const plain = new pg.Pool({ connectionString: primary.url, max: 5 });
        pools.push(plain);
        // Connections that are open before the server stops.
        const open = (of: Pool): Promise<unknown> =>
          Promise.all(Array.from({ length: 5 }, () => of.query("select pg_sleep(0.05)")));
        await Promise.all([open(plain), router.primary(() => open(pool))]);
        primary.pause();
        const work = (of: Pool): Promise<unknown>[] => [
          of.query("select 1 as n"),
          of.query("select 2 as n"),
          of.query(INSERT),
        ];
        const first = [...work(plain), ...router.primary(() => work(pool))];
        await unwritable(router);
        // Submitted while the primary is ejected.
        const second = router.primary(() => work(pool));
        await new Promise((resolve) => setTimeout(resolve, 500));
        primary.resume();
        const outcomes = await Promise.allSettled([...first, ...second]);
        expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => "fulfilled"));
        await waitUntil(() => router.health().isWritable, { what: "the primary again" });
      },
    );

    it("moves a read to a replica that returns", async () => {
      const [primary, r1] = cluster.nodes as [PostgresNode, PostgresNode];
      const { router, pool } = await routed([primary, r1], { consistency: "eventual" });
      await r1.kill();
      await waitUntil(() => router.health().nodes[1]?.reason === "unreachable", { what: "a lost replica" });
      await pool.query("select 1");
      primary.pause();
      const read = pool.query("select pg_is_in_recovery() as standby");
      await unwritable(router);
      await r1.start();
      expect((await read).rows).toEqual([{ standby: true }]);
      primary.resume();
      await waitUntil(() => router.health().isWritable, { what: "the primary again" });
    });

    it("ends everything with a typed error after giveUpMs, and frees its places", async () => {
      const { primary } = cluster;
      const { router, pool } = await routed([primary], {
        health: { giveUpMs: 300 },
        limits: { bulkhead: { perTenant: 5, waitMs: 5_000 } },
      });
      const results = tenancy.run({ tenantId: "acme" }, async () => {
        const [idle, committing, stream] = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
        for (const client of [idle, committing]) {
          await client.query("begin");
          await client.query(INSERT);
        }
        const query = new pg.Query("select 1 as n, pg_sleep(0)");
        // Connections for all, open before the server stops.
        await Promise.all(Array.from({ length: 3 }, () => pool.query("select pg_sleep(0.1)")));
        primary.pause();
        const streamed = new Promise((_resolve, reject) => stream.query(query).on("error", reject));
        const work = [committing.query("commit"), pool.query("select 2"), streamed, pool.query(INSERT)];
        const outcomes = await Promise.allSettled(work);
        outcomes.push(...(await Promise.allSettled([idle.query("commit")])));
        for (const client of [idle, committing, stream]) client.release();
        return outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : outcome.value));
      });
      expect(await results).toMatchObject([
        { code: "SCALE_AMBIGUOUS", status: 503, cause: { code: "SCALE_TIMEOUT" } },
        { code: "SCALE_NODE_LOST", status: 503, cause: { code: "SCALE_TIMEOUT" } },
        { code: "SCALE_NODE_LOST" },
        { code: "SCALE_AMBIGUOUS" },
        { code: "SCALE_NODE_LOST" },
      ]);
      await expect(pool.query(INSERT)).rejects.toMatchObject({
        code: "SCALE_NO_PRIMARY",
        cause: { code: "SCALE_TIMEOUT" },
      });
      expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
      primary.resume();
      await waitUntil(() => router.health().isWritable, { what: "the primary again" });
      expect((await tenancy.run({ tenantId: "acme" }, () => pool.query("select 3 as n"))).rows).toEqual([{ n: 3 }]);
    });
  });

  it.each([
    ["pause", { code: "SCALE_NODE_LOST" }],
    // The last words of the server, or the end of its connection, which `pg` reports in several ways.
    ["kill", {}],
  ] as const)("ends a stream and a cursor that read there: %s, %o", async (how, reason) => {
    const cluster = await startPostgres({ replicas: 1 });
    const [r1] = cluster.replicas as [PostgresNode];
    try {
      const { pool } = await routed(cluster.nodes, { health: { giveUpMs: 200 } });
      const [streaming, reading] = await Promise.all([pool.connect(), pool.connect()]);
      const text = "select n, pg_is_in_recovery() as standby from generate_series(1, 100000) as n";
      const rows = streaming.query(new QueryStream(text))[Symbol.asyncIterator]();
      const cursor = reading.query(new Cursor(text));
      expect(await rows.next()).toMatchObject({ value: { n: 1, standby: true } });
      expect(await cursor.read(1)).toEqual([{ n: 1, standby: true }]);
      await r1[how]();
      const drained = (async () => {
        for (;;) if ((await rows.next()).done === true) return "end";
      })();
      const outcomes = await Promise.allSettled([drained, cursor.read(10)]);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(Error) });
        expect(outcome).toMatchObject({ reason });
      }
      await cursor.close();
      for (const client of [streaming, reading]) client.release();
      expect((await pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
    } finally {
      r1.resume();
      await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 0 })));
      await cluster.stop();
    }
  });

  it("ends what hangs on a frozen primary as soon as a replica is promoted", async () => {
    const cluster = await startPostgres({ replicas: 1 });
    const [r1] = cluster.replicas as [PostgresNode];
    try {
      await cluster.primary.query("create table contacts (tenant_id text, name text)");
      await cluster.caughtUp();
      const { router, pool } = await routed(cluster.nodes, {
        health: { giveUpMs: 60_000 },
        limits: { bulkhead: { perTenant: 3, waitMs: 10_000 } },
      });
      // Connections for all, and for polls, open before the server stops.
      await router.primary(() => Promise.all(Array.from({ length: 5 }, () => pool.query("select pg_sleep(0.1)"))));
      await tenancy.run({ tenantId: "acme" }, async () => {
        const client = await pool.connect();
        await client.query("begin");
        await client.query(INSERT);
        cluster.primary.pause();
        const hanging = [client.query("commit"), pool.query(INSERT), router.primary(() => pool.query("select 1 as n"))];
        const settled = Promise.allSettled(hanging);
        await unwritable(router);
        const waiting = pool.query(INSERT); // In the queue of the tenant.
        await r1.promote();
        const outcomes = await settled;
        expect(outcomes).toMatchObject([
          { status: "rejected", reason: { code: "SCALE_AMBIGUOUS" } },
          { status: "rejected", reason: { code: "SCALE_AMBIGUOUS" } },
          { status: "fulfilled", value: { rows: [{ n: 1 }] } },
        ]);
        client.release();
        await waiting;
        expect(router.health().primary).toBe("r1");
        expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
      });
    } finally {
      cluster.primary.resume();
      await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 0 })));
      await cluster.stop();
    }
  });
});
