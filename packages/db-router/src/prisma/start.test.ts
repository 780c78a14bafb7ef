import { findPostgres, startContacts } from "@scale/testkit";
import { expect, it } from "vitest";
import { routingOf } from "../../test/recording-routing.js";
import { prismaFor } from "../../scenarios/prisma-client.js";
import { routedPool } from "../pg/routed-pool.js";
import { withRouter } from "./extension.js";

// A separate file: Prisma compiles its query compiler once per process.
it.skipIf(!findPostgres())("separates the first findUnique calls of several requests while Prisma starts", async () => {
  const [connect, cluster] = await Promise.all([prismaFor(), startContacts()]);
  const routing = routingOf(cluster);
  const prisma = connect(routedPool(routing)).$extends(withRouter(routing));
  try {
    const scopes = Array.from({ length: 12 }, (_, i) => ({ id: i + 1 }));
    const ask = (scope: { id: number }): Promise<unknown> =>
      routing.within(scope, async () => await prisma.contact.findUnique({ where: { id: scope.id } }));
    await Promise.all(scopes.map(ask));
    expect(routing.checkouts.map(({ scope }) => scope)).toEqual(scopes);
  } finally {
    await prisma.$disconnect();
    await routing.end();
    await cluster.stop();
  }
});
