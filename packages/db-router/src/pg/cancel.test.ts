import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRouter, type Router } from "../router.js";
import { type PgNode, pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const SLOW = "select count(*)::int as n from contacts, pg_sleep(20)";
const RUNNING =
  "select pid from pg_stat_activity where query like '%pg_sleep(20)%' and state = 'active' and pid <> pg_backend_pid()";

describe.skipIf(!findPostgres())("a statement with a signal", () => {
  let cluster: ContactsCluster;
  let replica: PgNode;
  let router: Router;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
    const [r1] = cluster.replicas;
    const node = ({ name, url }: { name: string; url: string }): PgNode =>
      pgNode({ name, config: { connectionString: url, max: 1, min: 0 } });
    replica = node(r1);
    router = createRouter({ primary: node(cluster.primary), replicas: [replica] });
    await router.ready();
    pool = routedPool(router);
  });
  afterAll(async () => {
    await router.close({ drainMs: 0 });
    await cluster.stop();
  });
  const fresh = <T>(work: () => Promise<T>): Promise<T> => router.run({ startFresh: true }, work);
  const running = async (): Promise<number> => {
    const rows = await Promise.all([cluster.primary, cluster.replicas[0]].map((node) => node.query(RUNNING)));
    return rows.flat().length;
  };
  const untilRunning = (count: number): Promise<void> =>
    waitUntil(async () => (await running()) === count, { what: `${count} running statements` });

  it("is cancelled on the server: a routed read", async () => {
    const abort = new AbortController();
    const read = pool.query({ text: SLOW, signal: abort.signal } as never);
    await untilRunning(1);
    abort.abort(new Error("the client has left"));
    await expect(read).rejects.toThrow("the client has left");
    await untilRunning(0);
    expect((await pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
    expect(router.health().nodes.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });

  it("is cancelled on the server: a write, and a statement of a transaction", async () => {
    const abort = new AbortController();
    const text = "insert into contacts (tenant_id, name) select 'cancelled', 'x' from pg_sleep(20)";
    const write = pool.query({ text, signal: abort.signal } as never);
    await untilRunning(1);
    abort.abort(new Error("the client has left"));
    await expect(write).rejects.toThrow("the client has left");
    await untilRunning(0);
    const client = await pool.connect();
    await client.query("begin");
    const second = new AbortController();
    const inside = client.query({ text, signal: second.signal } as never);
    await untilRunning(1);
    second.abort(new Error("gone"));
    await expect(inside).rejects.toThrow("gone");
    await client.query("rollback");
    client.release();
    expect(await cluster.primary.query("select 1 from contacts where tenant_id = 'cancelled'")).toEqual([]);
  });

  it("leaves the queue of a busy pool at once, and is not sent", async () => {
    const busy = await replica.pool.connect();
    const abort = new AbortController();
    const read = fresh(() => pool.query({ text: SLOW, signal: abort.signal } as never));
    await waitUntil(() => replica.pool.waitingCount === 1, { what: "the queued read" });
    abort.abort(new Error("gone"));
    await expect(read).rejects.toThrow("gone");
    expect(router.health().nodes[1]?.inFlight).toBe(0);
    busy.release();
    await expect(pool.query({ text: SLOW, signal: AbortSignal.abort(new Error("never")) } as never)).rejects.toThrow(
      "never",
    );
    expect(await running()).toBe(0);
  });

  it("can be cancelled by its process id", async () => {
    const client = await pool.connect();
    const read = fresh(() => client.query(SLOW));
    // It may reject before this test looks at it.
    read.catch(() => undefined);
    await untilRunning(1);
    const processID = "processID" in client ? client.processID : undefined;
    expect(await cluster.replicas[0].query("select pg_cancel_backend($1) as done", [processID])).toEqual([
      { done: true },
    ]);
    await expect(read).rejects.toMatchObject({ code: "57014" });
    client.release();
    expect(client).toMatchObject({ processID: null });
  });
});
