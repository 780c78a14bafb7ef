import { setImmediate as turn } from "node:timers/promises";
import { systemClock, tenancy } from "@scale/core";
import { type ContactsCluster, contextLeaks, findPostgres, type Look, startContacts, waitUntil } from "@scale/testkit";
import pg, { type PoolClient } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordingRouting } from "../test/recording-routing.js";
import { scriptedNode } from "../test/scripted-node.js";
import { closeAfterTest, connectionLost, scriptedRouter } from "../test/scripted-router.js";
import { NodeRegistry } from "./cluster/node-registry.js";
import { createPoller } from "./cluster/poller.js";
import { nodeEject, nodeReturn, primaryChange, routeChoose } from "./events.js";
import { connectionLose, pgNode, routedPool } from "./pg/index.js";
import { createRouter } from "./router.js";
import { createChangeWaiter } from "./routing/change-waiter.js";

const WRITE = { intent: "write" } as const;

describe("what tenants share in a router runs in the context of none of them", () => {
  it("a failure that one finds out, and the change for which another waits", async () => {
    const { router, p } = await scriptedRouter({ failover: { waitMs: 5_000 } });
    let isWaiting = false;
    const leaks = contextLeaks({
      tenancy,
      events: [nodeEject, nodeReturn, primaryChange, routeChoose].map(({ name }) => name),
      async first() {
        const checkout = await router.checkout(WRITE);
        p.script.error = connectionLost;
        checkout.release({ error: connectionLost, wrote: false });
        await waitUntil(() => router.refresh().then(() => !router.health().isWritable), { what: "no primary" });
        await waitUntil(() => isWaiting, { what: "the other tenant", everyMs: 1 });
        p.script.error = undefined;
        await router.refresh();
      },
      async second() {
        await waitUntil(() => !router.health().isWritable, { what: "no primary", everyMs: 1 });
        const checkout = router.checkout(WRITE);
        isWaiting = true;
        (await checkout).release({ wrote: true });
      },
    });
    expect(await leaks).toEqual([]);
  });

  it("a wait that ends with a change that another has caused", async () => {
    const registry = new NodeRegistry({
      ...{ name: "db", primary: scriptedNode("p", { isStandby: false }), replicas: [], minServing: 0, giveUpMs: 5_000 },
      eligibility: { maxMs: 5_000, maxBytes: 1, staleMs: 5_000, failures: 2 },
      ejection: { failures: 2, ejectMs: 1_000, maxEjectMs: 1_000 },
      ...{ clock: systemClock, random: () => 0.5 },
    });
    const poller = createPoller(registry, { pollMs: 1_000, timeoutMs: 1_000, probeMs: 1_000 });
    const waiter = createChangeWaiter(registry, poller);
    let hasChanged: true | undefined;
    const leaks = contextLeaks({
      tenancy,
      async first() {
        await turn();
        hasChanged = true;
        registry.reassess();
      },
      second: (look) =>
        waiter.until({
          ms: 1_000,
          attempt() {
            look("an attempt");
            return hasChanged;
          },
        }),
    });
    expect(await leaks).toEqual([]);
    await poller.stop();
  });

  it("the polls of a router that a request has created", async () => {
    const primary = scriptedNode("p", { isStandby: false });
    const contexts = new Set<string | undefined>();
    primary.script.answer = () => ({ rows: [] });
    const query = primary.pool.query.bind(primary.pool);
    const pool = {
      ...primary.pool,
      query(sql: string) {
        contexts.add(tenancy.current()?.tenantId);
        return query(sql);
      },
    };
    const router = tenancy.run({ tenantId: "first" }, () =>
      closeAfterTest(createRouter({ primary: { ...primary, pool }, replicas: [], lag: { pollMs: 20 } })),
    );
    await waitUntil(() => primary.received.status.length > 3, { what: "some polls" });
    expect([...contexts]).toEqual([undefined]);
    await router.close({ drainMs: 0 });
  });
});

/** Notes in whose context its statements are sent, as a client would that sets the tenant for row-level security. */
class Noting extends pg.Client {
  static look: Look | undefined;
  override query(...args: unknown[]): never {
    if (JSON.stringify(args[0]).includes("of second")) Noting.look?.("a statement");
    return (super.query as (...all: unknown[]) => unknown).apply(this, args) as never;
  }
}

describe.skipIf(!findPostgres())("a connection that tenants share runs in the context of none of them", () => {
  let cluster: ContactsCluster;
  beforeAll(async () => {
    cluster = await startContacts();
  });
  afterAll(() => cluster.stop());

  const routingOf = () => {
    const node = ({ name, url }: { name: string; url: string }) =>
      pgNode({ name, config: { connectionString: url, Client: Noting, min: 0, max: 1 } });
    return recordingRouting(node(cluster.primary), [node(cluster.replicas[0])]);
  };

  it("when a statement waits for the connection of another", async () => {
    const routing = routingOf();
    const pool = routedPool(routing);
    const leaks = contextLeaks({
      tenancy,
      first: () => pool.query("select pg_sleep(0.02)"),
      second(look) {
        Noting.look = look;
        return pool.query("select 'of second'");
      },
    });
    expect(await leaks).toEqual([]);
    Noting.look = undefined;
    await routing.end();
  });

  it("when it emits the notice of a statement, on a connection that another has opened", async () => {
    const routing = routingOf();
    const pool = routedPool(routing);
    const notify = async (client: PoolClient) => {
      await client.query("begin");
      await client.query("do $$ begin raise notice 'here'; end $$");
      await client.query("commit");
      client.release();
    };
    const leaks = contextLeaks({
      tenancy,
      first: async () => notify(await pool.connect()),
      async second(look) {
        const client = await pool.connect();
        client.on("notice", () => look("a notice"));
        await notify(client);
      },
    });
    expect(await leaks).toEqual([]);
    await routing.end();
  });

  it("when it breaks", async () => {
    const routing = routingOf();
    const { pool } = routing.writer;
    const leaks = contextLeaks({
      tenancy,
      events: [connectionLose.name],
      async first() {
        await pool.query("select 1");
        await cluster.primary.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
        );
        await waitUntil(() => pool.totalCount === 0, { what: "the broken connection" });
      },
      second: () => undefined,
    });
    expect(await leaks).toEqual([]);
    await routing.end();
  });
});
