import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import pg, { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RecordingRouting, recordingRouting, routingOf } from "../../test/recording-routing.js";
import { type PgNode, pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const ONE = { text: "select count(*)::int as n from contacts where id = $1", values: [1] };

describe.skipIf(!findPostgres())("routedPool", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());
  beforeEach(() => {
    routing = routingOf(cluster);
    pool = routedPool(routing, { volatileFunctions: ["touch"] });
  });
  afterEach(async () => {
    await routing.end();
  });

  it("is a pool of pg without connections of its own", async () => {
    expect(pool).toBeInstanceOf(Pool);
    expect(pool.totalCount).toBe(0);
    await Promise.all([pool.query("select 1"), pool.query("select 1"), pool.query("set local a.b = 1")]);
    expect(pool).toMatchObject({ totalCount: 3, idleCount: 3, waitingCount: 0 });
  });

  it("accepts every form of a query that pg accepts", async () => {
    const rows = [{ n: 1 }];
    expect((await pool.query(ONE.text, ONE.values)).rows).toEqual(rows);
    expect((await pool.query(ONE)).rows).toEqual(rows);
    expect((await pool.query({ text: ONE.text }, ONE.values)).rows).toEqual(rows);
    expect((await pool.query({ ...ONE, rowMode: "array" })).rows).toEqual([[1]]);
    expect((await pool.query({ ...ONE, name: "one" })).rows).toEqual(rows);
    const called = (call: (done: (error: Error, result: pg.QueryResult) => void) => void): Promise<pg.QueryResult> =>
      new Promise((resolve, reject) => {
        call((error, result) => (error ? reject(error) : resolve(result)));
      });
    expect((await called((done) => pool.query(ONE.text, ONE.values, done))).rows).toEqual(rows);
    expect((await called((done) => pool.query(ONE, done))).rows).toEqual(rows);
    expect((await called((done) => pool.query("select 1 as n", done))).rows).toEqual(rows);
    await expect(called((done) => pool.query("select 1/0", done))).rejects.toMatchObject({ code: "22012" });
    const query: unknown = pool.query(new pg.Query(ONE));
    expect(await query).toMatchObject({ rows });
    expect(routing.served().filter((node) => node === "primary")).toEqual([]);
  });

  it("rejects an invalid query with the error of pg", async () => {
    await expect(pool.query(null as never)).rejects.toThrow("null or undefined query");
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    await expect(pool.query("select $1::json", [circular])).rejects.toThrow(/circular/);
    expect((await pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
  });

  it("keeps the connection of a read that the server rejected", async () => {
    for (let i = 0; i < 6; i++) await expect(pool.query("select 1 / 0")).rejects.toMatchObject({ code: "22012" });
    expect(routing.served()).toHaveLength(6); // No retries.
    expect(pool).toMatchObject({ totalCount: 2, idleCount: 2 });
  });

  it("adds the caller to the stack of an error", async () => {
    const asker = async (): Promise<unknown> => await pool.query("select wrong");
    await expect(asker()).rejects.toMatchObject({ stack: expect.stringContaining("asker") });
  });

  it("runs a statement that a replica refused on the primary, once", async () => {
    await cluster.primary.query(
      "create or replace function sneak() returns bigint language sql as $$ select nextval('tickets') $$",
    );
    await cluster.caughtUp();
    const before = Number((await cluster.primary.query("select last_value from tickets"))[0]?.["last_value"]);
    const { rows } = await pool.query("select sneak() as ticket");
    expect(Number(rows[0].ticket)).toBeGreaterThanOrEqual(before);
    const [refused, done, ...more] = routing.checkouts;
    expect(refused).toMatchObject({ route: { to: "replica" }, outcome: { error: { code: "25006" } } });
    expect(done).toMatchObject({ route: { reason: "read-only-refused" }, outcome: { wrote: true } });
    expect(more).toEqual([]);
    expect((await pool.query("select sneak() + 0 as ticket")).rows[0].ticket).toBe(String(Number(rows[0].ticket) + 1));
  });

  it("sends listed volatile functions to the primary", async () => {
    await expect(pool.query("select touch(1)")).rejects.toMatchObject({ code: "42883" });
    expect(routing.served()).toEqual(["primary"]);
  });

  it("reports for each statement whether it wrote", async () => {
    await pool.query("insert into contacts (tenant_id, name) values ('x', 'y')");
    await pool.query("set local a.b = 'c'");
    await expect(pool.query("insert into contacts values (1, 'a', 'b')")).rejects.toMatchObject({ code: "23505" });
    expect(routing.checkouts.map((entry) => entry.outcome?.wrote)).toEqual([true, false, true]);
    expect(routing.checkouts[2]?.outcome?.error).toMatchObject({ code: "23505" });
  });

  it("reads from another replica when one is down, and from the primary when all are", async () => {
    const [r1, r2] = cluster.replicas;
    await Promise.all(Array.from({ length: 8 }, () => pool.query(ONE)));
    await r1.kill();
    for (let i = 0; i < 8; i++) expect((await pool.query(ONE)).rows).toEqual([{ n: 1 }]);
    await r2.kill();
    routing.served();
    for (let i = 0; i < 4; i++) expect((await pool.query(ONE)).rows).toEqual([{ n: 1 }]);
    expect(routing.checkouts.filter((entry) => entry.route.to === "primary")).toHaveLength(4);
    expect(routing.checkouts.filter((entry) => entry.outcome?.error !== undefined).length).toBeGreaterThan(0);
    await Promise.all([r1.start(), r2.start()]);
  });

  it("retries the reads of an ejected node elsewhere, and closes its connections", async () => {
    const [r1] = cluster.replicas;
    await Promise.all(Array.from({ length: 8 }, () => pool.query(ONE)));
    const open = routing.readers[0]!.pool.totalCount;
    expect(open).toBeGreaterThan(0);
    r1.pause();
    const answers = Promise.all(Array.from({ length: 8 }, () => pool.query(ONE)));
    const first = await Promise.race([answers, new Promise((resolve) => setTimeout(resolve, 150, "silence"))]);
    expect(first).toBe("silence");
    routing.eject("r1");
    expect((await answers).map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 8 }, () => 1));
    r1.resume();
    await waitUntil(() => routing.readers[0]!.pool.totalCount === 0, { what: "the end of the frozen connections" });
  });

  it("leaves no connection in the pool of an ejected node, where a read has waited for one", async () => {
    const node = ({ name, url }: { name: string; url: string }) =>
      pgNode({ name, config: { connectionString: url, max: 1, min: 0 } });
    const own = recordingRouting(node(cluster.primary), cluster.replicas.map(node));
    const [{ pool: replica }] = own.readers as [PgNode];
    const busy = await replica.connect();
    const read = routedPool(own).query("select 1 as n");
    await waitUntil(() => replica.waitingCount === 1, { what: "the waiting read" });
    own.eject("r1");
    expect((await read).rows).toEqual([{ n: 1 }]);
    expect(own.served()).toEqual(["r1", "r2"]);
    // The connection comes after its caller has gone.
    busy.release();
    await waitUntil(() => replica.totalCount === 0, { what: "the end of the connection" });
    expect(replica).toMatchObject({ totalCount: 0, idleCount: 0, waitingCount: 0 });
    await own.end();
  });

  it("retries reads that recovery cancelled elsewhere", async () => {
    const [r1, r2] = cluster.replicas;
    for (const node of [r1, r2]) {
      await node.query("alter system set max_standby_streaming_delay = 0");
      await node.query("alter system set hot_standby_feedback = off");
      await node.query("select pg_reload_conf()");
    }
    await cluster.primary.query("create table gone (id int)");
    await cluster.caughtUp();
    await cluster.primary.query("insert into gone select generate_series(1, 10)");
    await cluster.caughtUp();
    const read = pool.query("select count(*)::int as n from gone, (select pg_sleep(1)) as slow");
    const asleep = "select 1 from pg_stat_activity where wait_event = 'PgSleep'";
    const sleepers = async (): Promise<number> =>
      (await Promise.all([r1, r2].map(async (node) => (await node.query(asleep)).length))).reduce((a, b) => a + b);
    await waitUntil(async () => (await sleepers()) > 0, { what: "the slow read" });
    await cluster.primary.query("alter table gone add column more int");
    expect((await read).rows).toEqual([{ n: 10 }]);
    const failed = routing.checkouts.filter((entry) => entry.outcome?.error !== undefined);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]).toMatchObject({ route: { to: "replica" }, outcome: { error: { code: "40001" } } });
  });

  it("never repeats a write", async () => {
    const asleep = "select pid from pg_stat_activity where wait_event = 'PgSleep'";
    const write = pool
      .query("insert into contacts (tenant_id, name) select 'lost', 'x' from pg_sleep(20)")
      .catch((error: unknown) => error);
    await waitUntil(async () => (await cluster.primary.query(asleep)).length === 1, { what: "the slow write" });
    await cluster.primary.query(`select pg_terminate_backend(pid) from (${asleep}) asleep`);
    expect(await write).toMatchObject({ code: "57P01" });
    expect(routing.checkouts).toHaveLength(1);
    expect(routing.checkouts[0]?.outcome).toMatchObject({ wrote: true, error: { code: "57P01" } });
  });

  it("ends only itself", async () => {
    await pool.query("select 1");
    await pool.end();
    expect(pool).toMatchObject({ ending: true, ended: true });
    await expect(pool.query("select 1")).rejects.toThrow("Cannot use a pool after calling end on the pool");
    await expect(pool.connect()).rejects.toThrow("Cannot use a pool after calling end on the pool");
    await expect(pool.end()).rejects.toThrow("Called end on pool more than once");
    expect((await routing.writer.pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
  });

  it("names the invalid option", () => {
    expect(() => routedPool(routing, { volatileFunctions: [""] })).toThrow("routedPool: volatileFunctions.0: ");
  });
});
