import { once } from "node:events";
import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import pg, { type Pool } from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRouter, type Router } from "../router.js";
import { type PgNode, pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const SERIES = "select n from generate_series(1, 1000) as n";

describe.skipIf(!findPostgres())("work that its owner gives up before it has a connection", () => {
  let cluster: ContactsCluster;
  let node: PgNode;
  let router: Router;
  let routed: Pool;
  let plain: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    const config = { connectionString: cluster.primary.url, max: 1, min: 0 };
    node = pgNode({ name: "p", config });
    router = createRouter({ primary: node });
    await router.ready();
    routed = routedPool(router);
    plain = new pg.Pool(config);
  });
  afterEach(async () => {
    await router.close({ drainMs: 0 });
    await plain.end();
  });

  /** Rejects instead of hanging. */
  async function answers(pool: Pool): Promise<void> {
    for (let i = 0; i < 3; i++) {
      const late = new Promise((_resolve, reject) => setTimeout(reject, 1_500, new Error("a read hangs")).unref());
      await Promise.race([pool.query("select 1"), late]);
    }
  }

  it.each(["plain", "routed"])("leaves the connection usable: a cursor that is closed at once, %s", async (which) => {
    const pool = which === "plain" ? plain : routed;
    const client = await pool.connect();
    const cursor = client.query(new Cursor(SERIES));
    await cursor.close();
    client.release();
    await answers(pool);
  });

  it.each(["plain", "routed"])(
    "leaves the connection usable: a stream that is destroyed at once, %s",
    async (which) => {
      const pool = which === "plain" ? plain : routed;
      const client = await pool.connect();
      const stream = client.query(new QueryStream(SERIES));
      stream.destroy();
      await once(stream, "close");
      client.release();
      await answers(pool);
    },
  );

  it.each(["plain", "routed", "routed, without a wait for BEGIN"])(
    "commits after a cursor that is closed at once in a transaction: %s",
    async (which) => {
      const pool = which === "plain" ? plain : routed;
      const client = await pool.connect();
      const begun = client.query("begin");
      if (!which.includes("without")) await begun;
      const cursor = client.query(new Cursor("insert into contacts (tenant_id, name) values ('c', 'x') returning id"));
      await cursor.close();
      const late = new Promise((_resolve, reject) => setTimeout(reject, 1_500, new Error("COMMIT hangs")).unref());
      await Promise.race([client.query("commit"), late]);
      client.release();
      await answers(pool);
    },
  );

  // With plain `pg` the client never answers again.
  it.each(["stream", "cursor"])("goes on after a %s that is closed in the queue of its connection", async (which) => {
    const client = await routed.connect();
    await client.query("begin");
    const ahead = client.query(new QueryStream(SERIES));
    const rows = ahead[Symbol.asyncIterator]();
    await rows.next();
    await rows.return?.();
    if (which === "stream") client.query(new QueryStream(SERIES)).destroy();
    else await client.query(new Cursor(SERIES)).close();
    const late = new Promise((_resolve, reject) => setTimeout(reject, 1_500, new Error("COMMIT hangs")).unref());
    await Promise.race([client.query("commit"), late]);
    client.release();
    await answers(routed);
  });

  it("does not submit the export of a client that has left while it waited for a busy pool", async () => {
    const busy = await node.pool.connect();
    const client = await routed.connect();
    const stream = client.query(new QueryStream(SERIES));
    await waitUntil(() => node.pool.waitingCount === 1, { what: "the waiting export" });
    stream.destroy();
    client.release();
    busy.release();
    await answers(routed);
    expect(router.health().nodes[0]).toMatchObject({ inFlight: 0, pool: { waiting: 0 } });
  });

  it("ends a cursor whose client is released before it has a connection", async () => {
    const busy = await node.pool.connect();
    const client = await routed.connect();
    const cursor = client.query(new Cursor(SERIES));
    const read = cursor.read(10);
    client.release();
    await expect(read).rejects.toThrow("Client was released to the pool");
    busy.release();
    await answers(routed);
  });

  it("closes the connection of a cursor that is not closed before the release", async () => {
    const client = await routed.connect();
    const cursor = client.query(new Cursor(SERIES));
    expect(await cursor.read(10)).toHaveLength(10);
    client.release();
    await waitUntil(() => node.pool.totalCount === 0, { what: "the end of the connection" });
    await answers(routed);
  });

  it("reads a cursor and a stream that are used as intended", async () => {
    const client = await routed.connect();
    const cursor = client.query(new Cursor(SERIES));
    expect(await cursor.read(600)).toHaveLength(600);
    await cursor.close();
    const rows: unknown[] = [];
    for await (const row of client.query(new QueryStream(SERIES))) rows.push(row);
    expect(rows).toHaveLength(1000);
    client.release();
    await answers(routed);
    expect(node.pool.totalCount).toBe(1);
  });
});
