import { tenancy } from "@scale/core";
import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import pg, { type Pool, type PoolClient } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRouter, type Router } from "../router.js";
import { type ConnectionDiscarded, connectionDiscard } from "./events.js";
import { pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

describe.skipIf(!findPostgres())("a client that is given back", () => {
  let cluster: ContactsCluster;
  let router: Router;
  let pool: Pool;
  let plain: Pool;
  let discarded: ConnectionDiscarded[];
  let stop: () => void;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    const config = { connectionString: cluster.primary.url, max: 1, min: 0 };
    router = createRouter({ primary: pgNode({ name: "p", config }) });
    pool = routedPool(router);
    plain = new pg.Pool(config);
    discarded = [];
    stop = connectionDiscard.subscribe((event) => discarded.push(event));
  });
  afterEach(async () => {
    stop();
    await router.close();
    await plain.end();
  });

  async function withClient(of: Pool, work: (client: PoolClient) => Promise<unknown>): Promise<void> {
    const client = await of.connect();
    await work(client).finally(() => client.release());
  }

  const SETTING = "select coalesce(current_setting('app.tenant', true), '') as tenant from contacts limit 1 for share";
  const tenantOf = async (of: Pool): Promise<string> => (await of.query(SETTING)).rows[0].tenant;

  it.each([
    "set app.tenant = 'acme'",
    "set session app.tenant to 'acme'",
    "select set_config('app.tenant', 'acme', false)",
    "select 1; set app.tenant = 'acme'",
  ])("shows the next reader no setting of another tenant, as plain pg does: %s", async (text) => {
    for (const of of [plain, pool]) {
      await tenancy.run({ tenantId: "acme" }, () => withClient(of, (client) => client.query(text)));
    }
    expect(await tenantOf(plain)).toBe("acme");
    expect(await tenantOf(pool)).toBe("");
    expect(discarded).toEqual([{ tenantId: "acme", node: "p", reason: "session-state" }]);
    await pool.query(text);
    expect(await tenantOf(pool)).toBe("");
    expect(discarded).toHaveLength(2);
  });

  it("leaves no transaction open, and no lock", async () => {
    await withClient(pool, async (client) => {
      await client.query("begin");
      await client.query("insert into contacts (tenant_id, name) values ('lost', 'x')");
    });
    expect(discarded).toEqual([{ tenantId: undefined, node: "p", reason: "open-transaction" }]);
    await withClient(pool, (client) => client.query("select pg_advisory_lock(7)"));
    expect(discarded).toHaveLength(2);
    expect((await plain.query("select pg_try_advisory_lock(7) as free")).rows).toEqual([{ free: true }]);
    expect((await plain.query("select count(*)::int as n from contacts where tenant_id = 'lost'")).rows).toEqual([
      { n: 0 },
    ]);
  });

  it("keeps its connection after everything that ends with the transaction", async () => {
    const pid = async (): Promise<number> => (await pool.query("select pg_backend_pid() as pid for share")).rows[0].pid;
    const before = await pid().catch(async () => (await pool.query("select pg_backend_pid() as pid")).rows[0].pid);
    await withClient(pool, async (client) => {
      for (const text of [
        "begin",
        "set local app.tenant = 'acme'",
        "set transaction isolation level repeatable read",
        "select set_config('app.tenant', 'a''(b', true), pg_advisory_xact_lock(7)",
        "update contacts set name = 'set listen' where id = 1",
        "commit",
      ])
        await client.query(text);
    });
    const committed = await pool.connect();
    await committed.query("begin");
    await committed.query("update contacts set name = 'late' where id = 2");
    void committed.query("commit"); // As with pg, it runs before the connection is lent again.
    committed.release();
    expect((await pool.query("select pg_backend_pid() as pid")).rows[0].pid).toBe(before);
    expect((await plain.query("select name from contacts where id = 2")).rows).toEqual([{ name: "late" }]);
    expect(discarded).toEqual([]);
  });

  it("holds up the end of the pool, as the running queries do", async () => {
    const order: string[] = [];
    const client = await pool.connect();
    await client.query("begin");
    const slow = pool.query("select 1 as n").then(() => order.push("query"));
    const end = pool.end().then(() => order.push("end"));
    await expect(pool.query("select 1")).rejects.toThrow("Cannot use a pool after calling end on the pool");
    await expect(pool.end()).rejects.toThrow("Called end on pool more than once");
    await client.query("commit");
    client.release();
    order.push("released");
    await Promise.all([slow, end]);
    expect(order.at(-1)).toBe("end");
    expect(pool).toMatchObject({ ending: true, ended: true });
  });
});
