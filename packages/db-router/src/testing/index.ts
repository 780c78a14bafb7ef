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
      if (node.isOwned) await node.pool.end();
    }
  }
  const first = ({ rows: [row] }: RowsLike): unknown => Object.values(row ?? {})[0];

  describe(`DbNode: ${name}`, () => {
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

    it("probes on a new connection, and closes it", () =>
      withNode(async (node) => {
        const own = Number(first(await node.probe("SELECT pg_backend_pid() AS pid", 2_000)));
        const alive = "SELECT pg_backend_pid()::text AS own, count(*)::text AS n FROM pg_stat_activity WHERE pid = $1";
        await expect
          .poll(async () => (await node.pool.query(alive, [own])).rows[0]?.["n"], { timeout: 2_000 })
          .toBe("0");
        expect(Number(first(await node.pool.query(alive, [own])))).not.toBe(own);
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

    it("rejects with the error code of the server", () =>
      withNode(async (node) => {
        await expect(node.pool.query("SELECT 1/0")).rejects.toMatchObject({ code: "22012" });
        await expect(node.probe("SELECT 1/0", 2_000)).rejects.toMatchObject({ code: "22012" });
      }));
  });
}
