import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routed, type RoutedCluster } from "../../test/routed.js";
import { routedPool } from "./routed-pool.js";

describe.skipIf(!findPostgres())("a write without a connection", () => {
  let cluster: ContactsCluster;
  let on: RoutedCluster;
  beforeAll(async () => {
    cluster = await startContacts();
    on = await routed(cluster, { failover: { waitMs: 10_000 } });
  });
  afterAll(async () => {
    await on.router.close();
    await cluster.stop();
  });

  it("is sent once after the primary is back, with and without a transaction", async () => {
    const pool = routedPool(on.router);
    await cluster.primary.kill();
    const single = pool.query("insert into contacts (tenant_id, name) values ('x', 'once')");
    const client = await pool.connect();
    const begun = client.query("begin");
    // Both are started before the server is.
    await Promise.all([cluster.primary.start(), single, begun]);
    await client.query("insert into contacts (tenant_id, name) values ('x', 'once')");
    await client.query("commit");
    client.release();
    expect(await cluster.primary.query("select 1 from contacts where name = 'once'")).toHaveLength(2);
    expect(on.router.stats().nodes["primary"]?.inFlight).toBe(0);
  });
});
