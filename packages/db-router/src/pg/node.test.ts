import { type PostgresCluster, findPostgres, startPostgres, waitUntil } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connectionLose } from "./events.js";
import { pgNode } from "./node.js";

const url = "postgres://app@127.0.0.1:1/app";

describe("pgNode", () => {
  it("sizes the pools of a primary and of a replica", () => {
    const common = { idleTimeoutMillis: 30_000, connectionTimeoutMillis: 2_000, maxUses: 7_500 };
    const primary = pgNode({ name: "p", role: "primary", connectionString: url });
    expect(primary.pool.options).toMatchObject({ ...common, max: 20, min: 5 });
    expect(pgNode({ name: "r", connectionString: url }).pool.options).toMatchObject({ ...common, max: 30, min: 10 });
    expect(primary).toMatchObject({ name: "p", isOwned: true });
  });

  it("uses connection_limit of the url unless options of pg override it", () => {
    const limited = { name: "r", connectionString: `${url}?pgbouncer=true&connection_limit=3` };
    expect(pgNode(limited).pool.options).toMatchObject({ max: 3, min: 3 });
    expect(pgNode({ ...limited, config: { max: 7, min: 0 } }).pool.options).toMatchObject({ max: 7, min: 0 });
    const config = { connectionString: `${url}?connection_limit=4`, idleTimeoutMillis: 5 };
    expect(pgNode({ name: "r", config }).pool.options).toMatchObject({ max: 4, idleTimeoutMillis: 5 });
    const wrong = { name: "r", connectionString: `${url}?connection_limit=many` };
    expect(() => pgNode(wrong)).toThrow("expected connection_limit to be an integer >= 1, got many");
  });

  it("names an option that is invalid or would be ignored", () => {
    const pool = new Pool();
    expect(() => pgNode({ name: "r" })).toThrow("pgNode: expected connectionString, config or pool, got none");
    expect(() => pgNode({ name: "", connectionString: url })).toThrow("pgNode: name: ");
    expect(() => pgNode({ name: "r", connectionString: url, weight: 0 })).toThrow("pgNode: weight: ");
    expect(() => pgNode({ name: "r", pool, statementTimeoutMs: 5 })).toThrow(
      "pgNode: pool: expected no statementTimeoutMs beside it",
    );
    expect(() => pgNode({ name: "r", pool: {} as Pool })).toThrow("pgNode: pool: expected a pool of pg");
  });

  it("uses the caller's pool unchanged", () => {
    const pool = new Pool({ max: 2 });
    expect(pgNode({ name: "r", pool, weight: 2, zone: "a" })).toMatchObject({
      pool,
      isOwned: false,
      weight: 2,
      zone: "a",
    });
    expect(pool.options.max).toBe(2);
  });
});

describe.skipIf(!findPostgres())("pgNode, on a server", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgres({ replicas: 1 });
  });
  afterAll(() => cluster.stop());

  const losses: string[] = [];
  const stop = connectionLose.subscribe(({ node, error }) => void losses.push(`${node}: ${error.message}`));
  afterAll(stop);

  it("cancels statements at statementTimeoutMs", async () => {
    const { pool } = pgNode({ name: "slow", connectionString: cluster.url, statementTimeoutMs: 40 });
    await expect(pool.query("select pg_sleep(10)")).rejects.toMatchObject({ code: "57014" });
    await pool.end();
  });

  it("probes on a new connection with the options of the pool, and closes it", async () => {
    const config = { connectionString: cluster.url, application_name: "probed", max: 1 };
    const { pool, probe } = pgNode({ name: "p", config });
    const held = await pool.connect();
    const asked = "select pg_backend_pid() as pid, current_setting('application_name') as app";
    const [row] = (await probe(asked, 2_000)).rows;
    expect(row).toMatchObject({ app: "probed" });
    expect(row?.["pid"]).not.toBe((await held.query("select pg_backend_pid() as pid")).rows[0].pid);
    held.release();
    const open = "select count(*)::int as n from pg_stat_activity where application_name = 'probed'";
    await waitUntil(async () => (await pool.query(open)).rows[0].n === 1, { what: "the end of the probe" });
    await pool.end();
  });

  it("rejects a probe in time on a frozen server, and on one that is down", async () => {
    const replica = cluster.replicas[0]!;
    const { probe, pool } = pgNode({ name: "r1", connectionString: replica.url });
    onTestFinished(() => replica.resume());
    await pool.query("select 1");
    replica.pause();
    const start = performance.now();
    await expect(probe("select 1", 100)).rejects.toMatchObject({ code: "SCALE_TIMEOUT", timeoutMs: 100 });
    expect(performance.now() - start).toBeLessThan(600);
    replica.resume();
    await expect(probe("select wrong", 2_000)).rejects.toMatchObject({ code: "42703" });
    await expect(pgNode({ name: "x", connectionString: url }).probe("select 1", 2_000)).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    await pool.end();
  });

  // A busy event loop delays each round trip of a new connection, through no fault of the server.
  it("counts only the time in which this process runs against a probe", async () => {
    const { probe, pool } = pgNode({ name: "p", connectionString: cluster.url });
    let busy: NodeJS.Timeout | undefined;
    const block = (): void => {
      const until = performance.now() + 150;
      while (performance.now() < until);
      busy = setTimeout(block, 0);
    };
    busy = setTimeout(block, 0);
    onTestFinished(() => clearTimeout(busy));
    expect((await probe("select 1 as one", 200)).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it.each(["its own", "a caller's"])(
    "survives the loss of idle and checked-out connections of %s pool",
    async (whose) => {
      const foreign = whose === "its own" ? undefined : new Pool({ connectionString: cluster.url });
      await foreign?.query("select 1"); // Opens a connection before pgNode sees the pool.
      const { pool } = pgNode({ name: whose, ...(foreign ? { pool: foreign } : { connectionString: cluster.url }) });
      const [active, idle] = await Promise.all([pool.connect(), pool.connect()]);
      idle.release();
      const pids = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()";
      losses.length = 0;
      await cluster.primary.query(`${pids} and datname = 'postgres' and application_name <> 'testkit'`);
      await waitUntil(() => losses.filter((loss) => loss.startsWith(`${whose}: terminating`)).length >= 2, {
        what: "both losses are told",
      });
      await expect(active.query("select 1")).rejects.toThrow(/not queryable|terminat/);
      active.release(true);
      expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
      await pool.end();
    },
  );
});
