import { findPostgres, startContacts } from "@scale/testkit";
import { expect, it } from "vitest";
import { routingOf } from "../../test/plain-routing.js";
import { prismaFor } from "../../scenarios/prisma-client.js";
import { routedPool } from "../pg/routed-pool.js";
import { withRouter } from "./extension.js";

// A file of its own: Prisma compiles its query compiler once in a process.
it.skipIf(!findPostgres())("runs the findUnique with which Prisma starts each as its own request's", async () => {
  const [connect, cluster] = await Promise.all([prismaFor(), startContacts()]);
  const routing = routingOf(cluster);
  const prisma = connect(routedPool(routing)).$extends(withRouter(routing));
  try {
    const scopes = Array.from({ length: 12 }, (_, i) => ({ id: i + 1 }));
    const ask = (scope: { id: number }): Promise<unknown> =>
      routing.within(scope, async () => await prisma.contact.findUnique({ where: { id: scope.id } }));
    await Promise.all(scopes.map(ask));
    expect(routing.taken.map(({ scope }) => scope)).toEqual(scopes);
  } finally {
    await prisma.$disconnect();
    await routing.end();
    await cluster.stop();
  }
});
