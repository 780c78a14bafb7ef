import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import type { Pool } from "pg";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { routed } from "../../test/routed.js";
import type { Router } from "../router.js";
import { routedPool } from "./routed-pool.js";

const COUNT = "select count(*)::int as n from contacts where tenant_id = 'new'";
const INSERT = "insert into contacts (tenant_id, name) values ('new', 'x')";

describe.skipIf(!findPostgres())("positions belong to statements", () => {
  let cluster: ContactsCluster;
  let router: Router;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    await cluster.caughtUp();
    ({ router } = await routed(cluster));
    pool = routedPool(router);
    await cluster.primary.query("delete from contacts where tenant_id = 'new'");
    await cluster.caughtUp();
    await router.refresh();
  });
  afterEach(async () => {
    await resume();
    await router.close();
  });
  const pause = (): Promise<unknown> => Promise.all(cluster.replicas.map((replica) => replica.pauseReplay()));
  const resume = (): Promise<unknown> => Promise.all(cluster.replicas.map((replica) => replica.resumeReplay()));
  const count = async (of: Pick<Pool, "query"> = pool): Promise<number> => (await of.query(COUNT)).rows[0].n;
  const fresh = <T>(work: () => Promise<T>): Promise<T> => router.run({ startFresh: true }, work);

  it("shows a scope what it wrote through a client that was lent before the scope began", async () => {
    const client = await pool.connect();
    await client.query("listen somewhere"); // Pins the connection outside of the scope.
    await pause();
    const seen = await fresh(async () => {
      await client.query(INSERT);
      return count();
    });
    client.release();
    expect(seen).toBe(1);
    const transaction = await pool.connect();
    await transaction.query("begin");
    const inside = await fresh(async () => {
      await transaction.query(INSERT);
      await transaction.query("commit");
      return count();
    });
    transaction.release();
    expect(inside).toBe(2);
  });

  it("shows a scope no less than its open transaction has read", async () => {
    await pause();
    await cluster.primary.query(INSERT);
    await fresh(async () => {
      const client = await pool.connect();
      await client.query("begin");
      expect(await count(client)).toBe(1);
      expect(await count()).toBe(1);
      await client.query("commit");
      client.release();
    });
  });

  it("opens each cursor where the scope's writes are", async () => {
    await fresh(async () => {
      const client = await pool.connect();
      const rows = (): Promise<number> =>
        new Promise((resolve, reject) => {
          const query = new pg.Query(COUNT);
          query.on("row", ({ n }) => resolve(n)).on("error", reject);
          client.query(query);
        });
      expect(await rows()).toBe(0);
      await pause();
      await pool.query(INSERT);
      expect(await rows()).toBe(1);
      client.release();
    });
  });

  it("begins a read-only transaction on a replica that has the scope's writes, and otherwise on the primary", async () => {
    const standby = async (begin: string): Promise<boolean> => {
      const client = await pool.connect();
      try {
        await client.query(begin);
        const { rows } = await client.query(
          "select pg_is_in_recovery() as standby, set_config('app.tenant', 'x', true)",
        );
        await client.query("commit");
        return rows[0].standby;
      } finally {
        client.release();
      }
    };
    expect(await fresh(() => standby("begin read only"))).toBe(true);
    expect(await fresh(() => standby("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))).toBe(true);
    expect(await fresh(() => standby("begin isolation level serializable read only"))).toBe(false);
    expect(await router.replica(() => standby("begin isolation level serializable, read only, deferrable"))).toBe(
      false,
    );
    expect(await fresh(() => router.primary(() => standby("begin read only")))).toBe(false);
    await pause();
    await fresh(async () => {
      await pool.query(INSERT);
      expect(await standby("begin read only")).toBe(false);
    });
  });

  it.each<[string, string, string]>([
    ["a table", "create table just_now (id int)", "select count(*)::int as n from just_now"],
    [
      "a column",
      "alter table contacts add column just_now int default 0",
      "select count(just_now)::int as n from contacts where id = 0",
    ],
    [
      "a function",
      "create function just_now() returns int language sql stable as 'select 0'",
      "select just_now() as n",
    ],
    [
      "a value of an enum",
      "alter type mood add value 'sad'",
      "select count(*)::int as n from unnest(array['sad'::mood]) as u(m) where false",
    ],
  ])("asks the primary once for %s that a replica does not have yet", async (what, ddl, read) => {
    if (what.includes("enum")) await cluster.primary.query("create type mood as enum ('glad')");
    await cluster.caughtUp();
    await router.refresh();
    await pause();
    await cluster.primary.query(ddl);
    const before = router.stats().routes["schema-behind"];
    expect((await fresh(() => pool.query(read))).rows).toEqual([{ n: 0 }]);
    expect(router.stats().routes["schema-behind"] - before).toBe(1);
  });

  it("returns the primary's error for what does not exist anywhere, and asks it once", async () => {
    const before = router.stats().routes["schema-behind"];
    await expect(fresh(() => pool.query("select 1 from nowhere"))).rejects.toMatchObject({ code: "42P01" });
    await expect(fresh(() => pool.query("select 1 from"))).rejects.toMatchObject({ code: "42601" });
    expect(router.stats().routes["schema-behind"] - before).toBe(1);
  });

  it("reads nothing from before the start: a replica serves when it has what the primary had", async () => {
    await pause();
    await cluster.primary.query(INSERT);
    const started = await routed(cluster);
    const own = routedPool(started.router);
    try {
      for (let i = 0; i < 10; i++) {
        expect(await started.router.run({ startFresh: true, consistency: "eventual" }, () => count(own))).toBe(1);
      }
      expect(started.router.health().nodes.map(({ reason }) => reason)).toEqual([
        undefined,
        "catching-up",
        "catching-up",
      ]);
      const ready = started.router.ready({ caughtUp: true });
      await expect(started.router.ready({ caughtUp: true, timeoutMs: 50 })).rejects.toMatchObject({
        code: "SCALE_TIMEOUT",
      });
      await resume();
      await ready;
      expect(started.router.health().nodes.map(({ serves }) => serves)).toEqual(["writes", "reads", "reads"]);
      await pause();
      await cluster.primary.query(INSERT);
      const again = started.router.ready({ caughtUp: true });
      await waitUntil(() => started.router.health().nodes[1]?.reason === "catching-up", { what: "the new position" });
      await resume();
      await again;
      expect(await started.router.run({ startFresh: true }, () => count(own))).toBe(2);
    } finally {
      await started.router.close();
    }
  });
});
