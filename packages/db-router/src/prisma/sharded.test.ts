import { tenancy } from "@scale/core";
import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContactsClient, prismaFor } from "../../scenarios/prisma-client.js";
import { pgNode, routedPool } from "../pg/index.js";
import { createRouter } from "../router.js";
import { createShardedRouter, type ShardedRouter } from "../sharded.js";
import { type PrismaOperation, withRouter } from "./extension.js";

const TENANTS = Array.from({ length: 6 }, (_, i) => `tenant-${i}`);

/** Prisma runs the hooks of a later extension inside those of an earlier one. */
const slow = {
  query: {
    $allModels: {
      async findUnique({ args, query }: PrismaOperation): Promise<unknown> {
        await new Promise((resolve) => setTimeout(resolve, 2));
        return await query(args);
      },
    },
  },
};

describe.skipIf(!findPostgres())("Prisma on shards", () => {
  let cluster: ContactsCluster;
  let router: ShardedRouter;
  let prisma: ContactsClient;
  let waiting: ContactsClient;
  beforeAll(async () => {
    const [connect, started] = await Promise.all([prismaFor(), startContacts()]);
    cluster = started;
    const shards = await Promise.all(
      TENANTS.map(async (tenantId, i) => {
        const connectionString = await cluster.createDatabase(`shard_${i}`);
        const client = new pg.Client({ connectionString });
        await client.connect();
        await client.query(
          "create table contacts (id serial primary key, tenant_id text not null, name text not null)",
        );
        await client.query("insert into contacts (tenant_id, name) select $1, 'x' from generate_series(1, 20)", [
          tenantId,
        ]);
        await client.end();
        const primary = pgNode({ name: `p${i}`, role: "primary", config: { connectionString, min: 0 } });
        return [tenantId, createRouter({ primary })] as const;
      }),
    );
    router = createShardedRouter({ shards: Object.fromEntries(shards), tenants: { resolve: (tenantId) => tenantId } });
    await Promise.all(TENANTS.map((tenantId) => router.of(tenantId).ready()));
    prisma = connect(routedPool(router)).$extends(withRouter(router));
    waiting = connect(routedPool(router)).$extends(slow).$extends(withRouter(router));
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await router.close();
    await cluster.stop();
  });

  it.each([
    ["alone", (): ContactsClient => prisma],
    ["after an extension that waits", (): ContactsClient => waiting],
  ])("reads each tenant's row from that tenant's database, also when all ask in one tick, %s", async (_how, client) => {
    for (let round = 0; round < 10; round++) {
      const asked = Array.from({ length: 60 }, (_, i) => ({ tenantId: TENANTS[i % 6]!, id: 1 + (i % 20) }));
      const found = await Promise.all(
        asked.map(({ tenantId, id }) =>
          tenancy.run({ tenantId }, async () => await client().contact.findUnique({ where: { id } })),
        ),
      );
      expect(found.map((row) => row?.tenantId)).toEqual(asked.map(({ tenantId }) => tenantId));
    }
  });

  it("queries no database without a tenant", async () => {
    await expect(prisma.contact.findUnique({ where: { id: 1 } })).rejects.toThrow("expected a tenant, got none");
    await expect(prisma.contact.count()).rejects.toThrow("expected a tenant, got none");
  });
});
