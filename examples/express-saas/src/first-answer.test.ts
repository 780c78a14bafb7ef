import { type PostgresCluster, startPostgres } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExample } from "./index.js";
import { asTenant, withoutPostgres } from "./testing.js";

const TENANTS = [
  "amber-labs",
  "amber-foods",
  "birch-labs",
  "cedar-motors",
  "fjord-works",
  "harbor-works",
  "amber-works",
  "cedar-foods",
];

/** The plan of a tenant is looked up for its first request: a replica that lags must not make it an unknown tenant. */
describe.skipIf(withoutPostgres)("the first answers of a process whose replicas lag", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgres({ replicas: 2 });
  });
  afterAll(() => cluster?.stop());

  it.each([0, 150, 600, 2_000])("are all 200 at a replica lag of %i ms", async (delayMs) => {
    const name = `delayed_${delayMs}`;
    await cluster.createDatabase(name);
    await Promise.all(cluster.replicas.map((replica) => replica.setApplyDelay(delayMs)));
    const [databaseUrl, ...replicaUrls] = cluster.nodes.map((node) => node.urlOf(name));
    const example = await startExample({ databaseUrl: databaseUrl ?? "", replicaUrls, traffic: false });
    try {
      const answers = TENANTS.map((tenant) => asTenant(example.url, tenant)("GET", "/contacts?limit=60"));
      expect((await Promise.all(answers)).map(({ status, body }) => [status, body["code"]])).toEqual(
        TENANTS.map(() => [200, undefined]),
      );
    } finally {
      await example.stop();
      await Promise.all(cluster.replicas.map((replica) => replica.setApplyDelay(0)));
    }
  });
});
