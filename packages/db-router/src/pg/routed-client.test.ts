import { EventEmitter } from "node:events";
import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg, { type Pool, type PoolClient } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RecordingRouting, routingOf } from "../../test/recording-routing.js";
import { routedPool } from "./routed-pool.js";

const INSERT = "insert into contacts (tenant_id, name) values ('x', 'y') returning id";

describe.skipIf(!findPostgres())("a client of a routed pool", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    routing = routingOf(cluster);
    pool = routedPool(routing);
  });
  afterEach(async () => {
    await routing.end();
  });

  async function withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }
  const isStandby = async (client: PoolClient): Promise<boolean> =>
    (await client.query("select pg_is_in_recovery() as standby")).rows[0].standby;

  it("reads from replicas until a statement needs a session, and from the primary afterwards", async () => {
    await withClient(async (client) => {
      expect([await isStandby(client), await isStandby(client)]).toEqual([true, true]);
      expect(routing.writer.pool.totalCount).toBe(0);
      await client.query("begin");
      expect(await isStandby(client)).toBe(false);
      await client.query(INSERT);
      await client.query("commit");
      expect(await isStandby(client)).toBe(false);
    });
    expect(routing.served()).toEqual(["r1", "r2", "primary"]);
    expect(routing.writer.pool).toMatchObject({ totalCount: 1, idleCount: 1 });
  });

  it("keeps the order of statements that are not awaited", async () => {
    await withClient(async (client) => {
      const all = ["begin", INSERT, "savepoint a", "select wrong", "rollback to a", INSERT, "commit"];
      const ends = await Promise.allSettled(all.map((text) => client.query(text)));
      expect(ends.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, false, true, true, true]);
    });
    expect(routing.checkouts).toMatchObject([{ route: { reason: "transaction" }, commits: 1 }]);
  });

  it.each<[string, string[], number, boolean]>([
    ["a transaction that wrote, when it ends", ["begin", INSERT, "commit"], 1, false],
    ["each write outside of a transaction", [INSERT, INSERT], 2, false],
    ["nothing of a transaction that only read", ["begin", "select count(*) from contacts", "commit"], 0, false],
    ["a function that may have written", ["begin", "select pg_typeof(1)", "commit"], 1, false],
    ["nothing of settings", ["set a.b = 1", "select 1"], 0, false],
    ["a write that may still be committed", ["begin", INSERT], 0, true],
  ])("tells of %s", async (_what, texts, commits, wrote) => {
    await withClient(async (client) => {
      for (const text of texts) await client.query(text);
    });
    expect(routing.checkouts).toMatchObject([{ commits, outcome: { wrote } }]);
  });

  it("notes a commit before the caller receives the result, while the client is checked out", async () => {
    await withClient(async (client) => {
      for (const text of ["begin", INSERT]) await client.query(text);
      expect(routing.checkouts[0]).toMatchObject({ commits: 0 });
      await client.query("commit");
      expect(routing.checkouts[0]).toMatchObject({ commits: 1 });
      expect(routing.checkouts[0]?.outcome).toBeUndefined();
    });
  });

  it("tries three connections for the first statement, and rejects all statements without one", async () => {
    const dead = routingOf(cluster);
    Object.assign(dead.writer.pool.options, { port: 1, connectionString: undefined, host: "127.0.0.1" });
    const client = await routedPool(dead).connect();
    const refused = { code: "SCALE_NO_PRIMARY", status: 503, cause: { code: "ECONNREFUSED" } };
    await expect(client.query("begin")).rejects.toMatchObject(refused);
    await expect(client.query(INSERT)).rejects.toMatchObject(refused);
    client.release();
    expect(dead.checkouts).toMatchObject(
      Array.from({ length: 3 }, () => ({ outcome: { error: { code: "ECONNREFUSED" }, wrote: false } })),
    );
    await dead.end();
  });

  it("reports a lost connection, and does not end the process", async () => {
    const client = await pool.connect();
    await client.query("begin");
    const errors: Error[] = [];
    client.on("error", (error) => void errors.push(error));
    await cluster.primary.query(
      `select pg_terminate_backend(${"processID" in client ? String(client.processID) : ""})`,
    );
    await waitUntil(() => errors.length > 0, { what: "the error event" });
    await expect(client.query("commit")).rejects.toThrow(/not queryable|terminat/);
    client.release(true);
    await waitUntil(() => routing.checkouts[0]?.outcome !== undefined, { what: "the release of the checkout" });
    expect(routing.checkouts[0]?.outcome?.error).toBeDefined();
    expect(routing.writer.pool.totalCount).toBe(0);
  });

  it("receives notifications", async () => {
    const client = await pool.connect();
    const heard = new Promise((resolve) => client.on("notification", ({ payload }) => resolve(payload)));
    await client.query("listen jobs");
    await pool.query("select pg_notify('jobs', 'first')");
    expect(await heard).toBe("first");
    client.release();
  });

  it("can be released once, and accepts callbacks", async () => {
    const client = await new Promise<PoolClient>((resolve, reject) => {
      pool.connect((error, lentOne, done) => {
        if (!lentOne) return reject(error);
        lentOne.query("select 1 as n", (failed, result) => {
          done();
          if (failed) reject(failed);
          else resolve(Object.assign(lentOne, { n: result.rows[0].n }));
        });
      });
    });
    expect(client).toMatchObject({ n: 1 });
    expect(() => client.release()).toThrow("already been released");
    await expect(client.query("select 1")).rejects.toThrow("was released");
  });

  it("keeps a replica connection for the cursor of a read until the release", async () => {
    await withClient(async (client) => {
      const rows: unknown[] = [];
      const query = new pg.Query({ text: "select inet_server_port() as port from generate_series(1, 100)" });
      const events = client.query(query) as unknown;
      if (!(events instanceof EventEmitter)) throw new Error("expected the query itself");
      const ended = new Promise((resolve, reject) => events.on("end", resolve).on("error", reject));
      events.on("row", (row) => rows.push(row));
      await ended;
      expect(rows).toHaveLength(100);
      expect(rows[0]).toEqual({ port: cluster.replicas[0].port });
      await client.query(INSERT);
    });
    expect(routing.checkouts).toMatchObject([{ route: { to: "replica" } }, { route: { to: "primary" }, commits: 1 }]);
  });

  it("notes the write of a query object at its end, before the release", async () => {
    await withClient(async (client) => {
      const query = new pg.Query(INSERT);
      const ended = new Promise((resolve, reject) => query.on("end", resolve).on("error", reject));
      client.query(query);
      await ended;
      expect(routing.checkouts).toMatchObject([{ route: { to: "primary" }, commits: 1 }]);
    });
    expect(routing.checkouts).toMatchObject([{ commits: 1, outcome: { wrote: false } }]);
  });

  it("serves Kysely, which checks out a client for every statement", async () => {
    interface Tables {
      contacts: { id: number; tenant_id: string; name: string };
    }
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    const count = (from: Pick<typeof db, "selectFrom">): Promise<unknown> =>
      from
        .selectFrom("contacts")
        .select(({ fn }) => fn.countAll().as("n"))
        .executeTakeFirst();
    await count(db);
    await db.insertInto("contacts").values({ id: 5_000, tenant_id: "k", name: "k" }).execute();
    await db.transaction().execute(count);
    await db.selectFrom("contacts").selectAll().where("id", "=", 1).forUpdate().execute();
    await sql`select 1`.execute(db);
    const locked = db.with("gone", (q) => q.deleteFrom("contacts").where("id", "=", 5_000).returningAll());
    await locked.selectFrom("gone").selectAll().execute();
    expect(routing.served()).toEqual(["r1", "primary", "primary", "primary", "r2", "primary"]);
    await db.destroy();
    expect(routing.writer.pool.ended).toBe(false);
  });
});
