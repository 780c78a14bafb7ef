import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../process/free-port.js";
import { isAlive } from "../process/liveness.js";
import { waitUntil } from "../wait.js";
import { type PostgresCluster, startPostgres } from "./cluster.js";
import { query } from "./connect.js";
import { createDatabase } from "./database.js";
import { findPostgres } from "./find.js";
import type { PostgresNode } from "./node.js";

async function count(node: PostgresNode, table = "t"): Promise<number> {
  const [row] = await node.query(`SELECT count(*)::int AS n FROM ${table}`);
  return Number(row?.["n"]);
}

const value = async (node: PostgresNode, expression: string, from = "(SELECT) AS one"): Promise<unknown> =>
  (await node.query(`SELECT ${expression} AS value FROM ${from}`))[0]?.["value"];

describe.skipIf(!findPostgres())("startPostgres with replicas", () => {
  let cluster: PostgresCluster;
  let r1: PostgresNode;

  beforeAll(async () => {
    cluster = await startPostgres({ replicas: 1, database: "app", settings: { work_mem: "7MB", max_connections: 50 } });
    r1 = cluster.replicas[0] as PostgresNode;
    await cluster.primary.query("CREATE TABLE t (id int)");
    await cluster.caughtUp();
  });
  afterAll(() => cluster.stop());
  afterEach(async () => {
    await r1.resumeReplay();
    await r1.setApplyDelay(0);
    await cluster.caughtUp();
  });

  it("streams from a primary to a replica that takes no writes", async () => {
    await cluster.primary.query("INSERT INTO t VALUES ($1)", [1]);
    await cluster.caughtUp();
    expect(await count(r1)).toBe(1);
    await expect(r1.query("INSERT INTO t VALUES (2)")).rejects.toMatchObject({ code: "25006" });
  });

  it("names nodes, keeps commits synchronous, and takes settings over its own", async () => {
    expect(cluster.nodes.map((node) => node.name)).toEqual(["primary", "r1"]);
    expect(await value(r1, "current_setting('cluster_name')")).toBe("r1");
    expect(await value(cluster.primary, "current_setting('synchronous_commit')")).toBe("on");
    expect(await value(cluster.primary, "current_setting('work_mem')")).toBe("7MB");
    expect(await value(r1, "current_setting('max_connections')")).toBe("50");
    expect(await value(cluster.primary, "current_database()")).toBe("app");
    expect(cluster.version).toMatch(/^\d+\.\d+/);
  });

  it("admits no account of the machine without the password", async () => {
    for (const { url } of cluster.nodes) {
      const open = new URL(url);
      expect(open.password).toMatch(/^[\w-]{32}$/);
      for (const password of ["", "postgres"]) {
        open.password = password;
        await expect(query(open.href, "SELECT 1")).rejects.toThrow(/password/);
      }
    }
    expect(
      await value(cluster.primary, "rolpassword LIKE 'SCRAM-SHA-256%'", "pg_authid WHERE rolname = 'postgres'"),
    ).toBe(true);
  });

  it("keeps its data and its password from other accounts", async () => {
    const folder = String(await value(cluster.primary, "current_setting('data_directory')"));
    for (const path of [dirname(folder), folder, join(folder, "postgresql.conf"), join(folder, ".password")]) {
      expect(statSync(path).mode & 0o077).toBe(0);
    }
  });

  it("pauses replay and resumes it", async () => {
    const before = await count(r1);
    await r1.pauseReplay();
    await cluster.primary.query("INSERT INTO t VALUES (3)");
    const sent = await value(cluster.primary, "pg_current_wal_lsn()::text");
    await waitUntil(async () => (await value(r1, `pg_last_wal_receive_lsn() >= '${String(sent)}'`)) === true, {
      what: "the write is received",
    });
    expect(await count(r1)).toBe(before);
    await r1.resumeReplay();
    await cluster.caughtUp();
    expect(await count(r1)).toBe(before + 1);
  });

  it("applies commits after the delay that is set, and at once without one", async () => {
    const before = await count(r1);
    await r1.setApplyDelay(700);
    await cluster.primary.query("INSERT INTO t VALUES (4)");
    const start = performance.now();
    expect(await count(r1)).toBe(before);
    await waitUntil(async () => (await count(r1)) === before + 1, { what: "the delayed write" });
    expect(performance.now() - start).toBeGreaterThan(300);
    await r1.setApplyDelay(60_000);
    await cluster.primary.query("INSERT INTO t VALUES (5)");
    await r1.setApplyDelay(0);
    await cluster.caughtUp();
    expect(await count(r1)).toBe(before + 2);
  });

  it("makes databases that the replica has when it resolves", async () => {
    expect(await cluster.createDatabase("second")).toBe(cluster.primary.urlOf("second"));
    expect(await query(r1.urlOf("second"), "SELECT current_database() AS name")).toEqual([{ name: "second" }]);
    const odd = await cluster.createDatabase('odd "name"');
    expect(await query(odd, "SELECT current_database() AS name")).toEqual([{ name: 'odd "name"' }]);
  });

  it("replaces a database of the same name, with connections open", async () => {
    const url = await cluster.createDatabase("again");
    await query(url, "CREATE TABLE left_over (id int)");
    const open = query(url, "SELECT pg_sleep(60)").catch((error: unknown) => error);
    const asleep = "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')";
    await waitUntil(async () => (await value(cluster.primary, asleep)) === true, { what: "the open statement" });
    await createDatabase(cluster.url, "again");
    expect(await open).toMatchObject({ code: "57P01" });
    expect(await query(url, "SELECT to_regclass('left_over') AS found")).toEqual([{ found: null }]);
  });

  it("freezes a replica with its open connections, and thaws it", async () => {
    r1.pause();
    const answer = value(r1, "1");
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 100, "silence"))]);
    expect(first).toBe("silence");
    r1.resume();
    expect(await answer).toBe(1);
  });

  it("keeps commits through a kill of the primary, frozen or not, and starts it again", async () => {
    const { primary } = cluster;
    const before = await count(primary);
    await primary.query("INSERT INTO t VALUES (6)");
    const { pid } = primary;
    primary.pause();
    await primary.kill();
    expect(primary.pid).toBeUndefined();
    expect(isAlive(pid ?? 0)).toBe(false);
    await expect(primary.query("SELECT 1")).rejects.toThrow("ECONNREFUSED");
    await primary.start();
    expect(await count(primary)).toBe(before + 1);
    await waitUntil(async () => (await count(r1)) === before + 1, { what: "the replica's return" });
    await primary.restart();
    expect(primary.pid).not.toBe(pid);
  });
});

describe.skipIf(!findPostgres())("startPostgres", () => {
  it("promotes a replica and points another at it", async () => {
    const cluster = await startPostgres({ replicas: 2 });
    try {
      const [r1, r2] = cluster.replicas as [PostgresNode, PostgresNode];
      await cluster.primary.kill();
      await r1.promote();
      await r2.repoint(r1);
      await r1.query("CREATE TABLE t (id int)");
      await cluster.caughtUp();
      expect(await count(r2)).toBe(0);
      expect(await value(r2, "pg_is_in_recovery()")).toBe(true);
      expect(await cluster.createDatabase("after")).toBe(r1.urlOf("after"));
    } finally {
      await cluster.stop();
    }
  });

  it("counts a replica behind a replica", async () => {
    const cluster = await startPostgres({ replicas: 2 });
    try {
      const [r1, r2] = cluster.replicas as [PostgresNode, PostgresNode];
      await r2.repoint(r1);
      await cluster.primary.query("CREATE TABLE t (id int)");
      await cluster.caughtUp();
      expect(await count(r2)).toBe(0);
    } finally {
      await cluster.stop();
    }
  });

  it("leaves no processes, data or shared memory after stop, whatever state the nodes are in", async () => {
    const cluster = await startPostgres({ replicas: 1 });
    const folder = String(await value(cluster.primary, "current_setting('data_directory')"));
    const locks = await Promise.all(
      cluster.nodes.map((node) => value(node, "split_part(pg_read_file('postmaster.pid'), chr(10), 7)")),
    );
    const pids = cluster.nodes.map((node) => node.pid ?? 0);
    cluster.replicas[0]?.pause();
    await cluster.primary.kill();
    await Promise.all([cluster.stop(), cluster.stop()]);
    expect(pids.some(isAlive)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    // "key id", as the table of segments has them.
    const segments = existsSync("/proc/sysvipc/shm") ? readFileSync("/proc/sysvipc/shm", "utf8") : "";
    const ids = locks.map((lock) => String(lock).trim().split(/\s+/));
    expect(ids.map((id) => id.length)).toEqual([2, 2]);
    const left = segments.split("\n").map((row) => row.trim().split(/\s+/));
    expect(left.filter(([key, id]) => ids.some((lock) => lock[0] === key && lock[1] === id))).toEqual([]);
  });

  it("gives clusters one system identifier, unless a fresh one is asked for", async () => {
    const [first, second, fresh] = await Promise.all(
      [{}, {}, { fresh: true }].map((options) => startPostgres(options)),
    );
    const ids = await Promise.all(
      [first, second, fresh].map((cluster) =>
        cluster ? value(cluster.primary, "(SELECT system_identifier::text FROM pg_control_system())") : "",
      ),
    );
    await Promise.all([first, second, fresh].map((cluster) => cluster?.stop()));
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("says in one line that a port is taken", async () => {
    const port = await freePort();
    const blocker = createServer().listen(port, "127.0.0.1");
    await once(blocker, "listening");
    await expect(startPostgres({ port })).rejects.toMatchObject({
      name: "ServerError",
      message: `postgres: port ${port} is in use`,
      detail: expect.stringContaining("Address already in use"),
    });
    blocker.close();
  });

  it("says what a server thinks of its settings", async () => {
    await expect(startPostgres({ settings: { no_such_setting: 1 } })).rejects.toThrow("FATAL");
  });
});
