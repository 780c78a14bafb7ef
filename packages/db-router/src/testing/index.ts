import { describe, expect, it } from "vitest";
import { parseStatus, STATUS_SQL } from "../postgres/status.js";
import type { DbNode, RowsLike } from "../types.js";

/**
 * Conformance suite for implementations of `DbNode`, over a real PostgreSQL.
 * @param create returns a node for one test; the suite ends its pool if it is owned
 */
export function describeDbNode(name: string, create: () => DbNode | Promise<DbNode>): void {
  async function withNode(test: (node: DbNode) => Promise<void>): Promise<void> {
    const node = await create();
    try {
      await test(node);
    } finally {
      node.polls?.end();
      if (node.isOwned) await node.pool.end();
    }
  }
  describe(`DbNode: ${name}`, () => {
    testPool(withNode);
    testLosses(withNode);
    testProbe(withNode);
  });
}

type WithNode = (test: (node: DbNode) => Promise<void>) => Promise<void>;

const first = ({ rows: [row] }: RowsLike): unknown => Object.values(row ?? {})[0];

function testPool(withNode: WithNode): void {
  it("returns the status of the server, through the pool and through a probe", () =>
    withNode(async (node) => {
      const status = parseStatus(await node.pool.query(STATUS_SQL));
      expect(status.systemId).toMatch(/^\d+$/);
      expect(status.timeline).toBeGreaterThan(0);
      expect(parseStatus(await node.probe(STATUS_SQL, 2_000))).toMatchObject({ systemId: status.systemId });
    }));

  it("checks out a client and takes it back", () =>
    withNode(async ({ pool }) => {
      const client = await pool.connect();
      expect(Number(first(await client.query("SELECT $1::int AS n", [7])))).toBe(7);
      expect(pool.totalCount - pool.idleCount).toBe(1);
      client.release();
      expect(pool.totalCount - pool.idleCount).toBe(0);
    }));

  it("closes a client that is given back as broken", () =>
    withNode(async ({ pool }) => {
      const client = await pool.connect();
      const pid = first(await client.query("SELECT pg_backend_pid()"));
      const total = pool.totalCount;
      client.release(true);
      expect(pool.totalCount).toBe(total - 1);
      expect(first(await pool.query("SELECT pg_backend_pid()"))).not.toBe(pid);
    }));

  it("rejects with the error code of the server", () =>
    withNode(async (node) => {
      await expect(node.pool.query("SELECT 1/0")).rejects.toMatchObject({ code: "22012" });
      await expect(node.probe("SELECT 1/0", 2_000)).rejects.toMatchObject({ code: "22012" });
    }));
}

function testLosses(withNode: WithNode): void {
  it("survives the loss of an idle connection and of a lent one, and tells the listeners of the pool", () =>
    withNode(async (node) => {
      const { pool, probe } = node;
      const terminate = (pid: unknown): Promise<RowsLike> =>
        probe.call(node, `SELECT pg_terminate_backend(${Number(pid)})`, 2_000);
      const losses: Error[] = [];
      const listener = (error: Error): void => void losses.push(error);
      pool.on("error", listener);
      const idle = first(await pool.query("SELECT pg_backend_pid()"));
      await terminate(idle);
      await expect.poll(() => losses.length, { timeout: 2_000 }).toBeGreaterThan(0);
      pool.off("error", listener);
      const client = await pool.connect();
      await terminate(first(await client.query("SELECT pg_backend_pid()")));
      await expect(client.query("SELECT 1")).rejects.toBeInstanceOf(Error);
      client.release(true);
      expect(Number(first(await pool.query("SELECT 1 AS n")))).toBe(1);
    }));
}

function testProbe(withNode: WithNode): void {
  it("probes on a new connection, and closes it", () =>
    withNode(async (node) => {
      const own = Number(first(await node.probe("SELECT pg_backend_pid() AS pid", 2_000)));
      const alive = "SELECT pg_backend_pid()::text AS own, count(*)::text AS n FROM pg_stat_activity WHERE pid = $1";
      await expect.poll(async () => (await node.pool.query(alive, [own])).rows[0]?.["n"], { timeout: 2_000 }).toBe("0");
      expect(Number(first(await node.pool.query(alive, [own])))).not.toBe(own);
    }));

  it("leaves nothing of a probe that was rejected", () =>
    withNode(async (node) => {
      const mark = "/* conformance probe */";
      await expect(node.probe(`SELECT pg_sleep(0.3) ${mark}`, 100)).rejects.toBeInstanceOf(Error);
      const alive = "SELECT count(*)::text AS n FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid()";
      await expect
        .poll(async () => first(await node.pool.query(alive, [`%pg_sleep(0.3) ${mark}`])), { timeout: 3_000 })
        .toBe("0");
    }));

  it("rejects a probe within its timeout", () =>
    withNode(async (node) => {
      const late = Promise.race([
        node.probe("SELECT pg_sleep(10)", 100).then(
          () => "answered",
          () => "rejected",
        ),
        new Promise((resolve) => setTimeout(resolve, 1_000, "still waiting")),
      ]);
      expect(await late).toBe("rejected");
    }));
}
