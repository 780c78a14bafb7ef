import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import type { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RecordingRouting, routingOf } from "../../test/recording-routing.js";
import { type ContactsClient, prismaFor } from "../../scenarios/prisma-client.js";
import { routedPool } from "../pg/routed-pool.js";
import { prismaClients } from "./clients.js";
import { type RouterExtension, withRouter } from "./extension.js";

describe.skipIf(!findPostgres())("withRouter", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let pool: Pool;
  let plain: ContactsClient;
  let connect: (pool: Pool) => ContactsClient;
  let prisma: ContactsClient & RouterExtension["client"];
  beforeAll(async () => {
    const [connecting, started] = await Promise.all([prismaFor(), startContacts()]);
    cluster = started;
    connect = connecting;
    routing = routingOf(cluster);
    pool = routedPool(routing);
    plain = connect(pool);
    prisma = plain.$extends(withRouter(routing));
    await prisma.contact.count();
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await pool.end();
    await routing.end();
    await cluster.stop();
  });
  beforeEach(() => void routing.served());

  const by = (id: number): { where: { id: number } } => ({ where: { id } });
  const data = { tenantId: "x", name: "y" };
  const kinds = (): string[] => routing.checkouts.splice(0).map(({ route }) => route.to);

  it("reads from replicas and writes to the primary, with one client", async () => {
    await prisma.contact.findMany({ take: 1, include: { notes: true } });
    await prisma.contact.count();
    await prisma.$queryRawUnsafe("select 1");
    expect(new Set(kinds())).toEqual(new Set(["replica"]));
    const { id } = await prisma.contact.create({ data });
    await prisma.contact.update({ ...by(id), data: { name: "z" } });
    await prisma.contact.upsert({ ...by(id), create: data, update: data });
    await prisma.contact.create({ data: { ...data, notes: { create: [{ body: "nested" }] } } });
    await prisma.contact.deleteMany({ where: { id } });
    await prisma.$executeRawUnsafe("update contacts set name = 'a' where id = 1");
    expect(new Set(kinds())).toEqual(new Set(["primary"]));
  });

  it("runs transactions of both kinds on the primary", async () => {
    const ids = await prisma.$transaction(async (tx) => {
      const { id } = await tx.contact.create({ data });
      return [id, (await tx.contact.findUnique(by(id)))?.id];
    });
    expect(ids[0]).toBe(ids[1]);
    await prisma.$transaction([prisma.contact.create({ data }), prisma.contact.findMany({ take: 1 })]);
    expect(kinds()).toEqual(["primary", "primary"]);
  });

  it("pins only the reads of a view, however late they are awaited", async () => {
    await cluster.caughtUp();
    const late = [prisma.$primary().contact.findMany({ take: 1 }), prisma.$replica().contact.count()];
    expect(routing.checkouts).toEqual([]);
    await late[0];
    await late[1];
    await prisma.$primary().$queryRawUnsafe("select 1");
    await prisma.$primary().contact.findUnique(by(1));
    await prisma.contact.count();
    expect(routing.checkouts.splice(0).map(({ route }) => [route.to, route.reason])).toEqual([
      ["primary", "pinned"],
      ["replica", "pinned"],
      ["primary", "pinned"],
      ["primary", "pinned"],
      ["replica", "read"],
    ]);
    await prisma.$replica().contact.update({ ...by(1), data: { name: "b" } });
    expect(kinds()).toEqual(["primary"]);
    expect(prisma.$primary()).toBe(prisma.$primary());
  });

  it("returns the client of the transaction for views inside it", async () => {
    const found = await prisma.$transaction(async (tx) => {
      const view = tx as typeof prisma;
      const { id } = await view.$primary().contact.create({ data });
      return view.$replica().contact.findUnique(by(id));
    });
    expect(found).toMatchObject(data);
    expect(kinds()).toEqual(["primary"]);
  });

  it("runs each request's findUnique in its own session, also those of one tick", async () => {
    const scopes = Array.from({ length: 40 }, (_, i) => ({ id: i + 1 }));
    const ask = (scope: { id: number }): Promise<unknown[]> =>
      routing.within(scope, () =>
        Promise.all([
          prisma.contact.findUnique(by(scope.id)),
          prisma.contact.findUnique(by(scope.id + 1)),
          prisma.$primary().contact.findUnique(by(scope.id)),
        ]),
      );
    const found = await Promise.all(scopes.map(ask));
    expect(found).toMatchObject(scopes.map(({ id }) => [{ id }, { id: id + 1 }, { id }]));
    const checkouts = scopes.map((scope) =>
      routing.checkouts.filter((entry) => entry.scope === scope).map(({ route }) => route.to),
    );
    expect(routing.checkouts.filter(({ scope }) => scope === undefined)).toEqual([]);
    for (const own of checkouts) expect(own.sort()).toEqual(["primary", "replica"]);
  });

  it("separates them from the first operation of a client on", async () => {
    const fresh = connect(pool).$extends(withRouter(routing));
    const scopes = Array.from({ length: 12 }, (_, i) => ({ id: i + 1 }));
    await Promise.all(
      scopes.map((scope) => routing.within(scope, async () => await fresh.contact.findUnique(by(scope.id)))),
    );
    expect(routing.checkouts.map(({ scope }) => scope)).toEqual(scopes);
    await fresh.$disconnect();
  });

  it("separates them across two extensions of one client", async () => {
    const clients = [prisma, plain.$extends(withRouter(routing))];
    const scopes = Array.from({ length: 12 }, (_, i) => ({ id: i + 1 }));
    const ask = ({ id }: { id: number }): Promise<unknown> =>
      routing.within(scopes[id - 1]!, async () => await clients[id % 2]!.contact.findUnique(by(id)));
    await Promise.all(scopes.map(ask));
    expect(new Set(routing.checkouts.map(({ scope }) => scope))).toEqual(new Set(scopes));
  });

  it("lets Prisma batch the rows of one request", async () => {
    const ids = Array.from({ length: 10 }, (_, i) => i + 1);
    const found = await routing.within({}, () => Promise.all(ids.map((id) => prisma.contact.findUnique(by(id)))));
    expect(found.map((row) => row?.id)).toEqual(ids);
    expect(routing.checkouts).toHaveLength(1);
  });

  it("reads an include from one node with pinIncludes", async () => {
    const pinning = plain.$extends(withRouter(routing, { pinIncludes: true }));
    for (let i = 0; i < 3; i++) await pinning.contact.findMany({ take: 1, include: { notes: true } });
    expect(routing.checkouts).toHaveLength(6);
    expect(routing.checkouts.every(({ route }) => route.reason === "pinned")).toBe(true);
    routing.served();
    await pinning.contact.findMany({ take: 1 });
    expect(routing.checkouts).toMatchObject([{ route: { reason: "read" } }]);
  });

  it("returns the clients of an application that chooses itself", async () => {
    const { prismaRead, prismaWrite, getPrismaClient } = prismaClients(prisma);
    await prismaRead.contact.count();
    await prismaWrite.contact.count();
    await getPrismaClient().contact.count();
    await getPrismaClient("write").contact.count();
    await getPrismaClient("read").contact.count();
    expect(kinds()).toEqual(["replica", "primary", "replica", "primary", "replica"]);
  });
});
