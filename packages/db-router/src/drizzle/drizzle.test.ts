import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { count, eq, sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RecordingRouting, routingOf } from "../../test/recording-routing.js";
import { drizzleClients, type RoutedDrizzle } from "./clients.js";

const contacts = pgTable("contacts", {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  tenantId: text("tenant_id").notNull(),
  name: text().notNull(),
});
const schema = { contacts };
type Db = NodePgDatabase<typeof schema>;

describe.skipIf(!findPostgres())("drizzleClients", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let db: RoutedDrizzle<Db>;
  let dbRead: Db;
  beforeAll(async () => {
    cluster = await startContacts();
    routing = routingOf(cluster);
    ({ db, dbRead } = drizzleClients(routing, { make: (client): Db => drizzle({ client, schema }) }));
  });
  afterAll(async () => {
    await routing.end();
    await cluster.stop();
  });
  beforeEach(() => void routing.served());

  const kinds = (): string[] => routing.checkouts.splice(0).map(({ route }) => route.to);
  const values = { tenantId: "x", name: "y" };

  it("reads from replicas and runs everything else on the primary", async () => {
    await db.select().from(contacts).where(eq(contacts.id, 1));
    await db.query.contacts.findFirst();
    await db.$count(contacts);
    await db.execute(sql`select 1`);
    expect(kinds()).toEqual(["replica", "replica", "replica", "replica"]);
    await db.insert(contacts).values(values);
    await db.update(contacts).set({ name: "z" }).where(eq(contacts.id, 1));
    await db.select().from(contacts).where(eq(contacts.id, 1)).for("update");
    const gone = db.$with("gone").as(db.delete(contacts).where(eq(contacts.tenantId, "x")).returning());
    await db.with(gone).select({ n: count() }).from(gone);
    await db.execute(sql`select nextval('tickets')`);
    expect(kinds()).toEqual(["primary", "primary", "primary", "primary", "primary"]);
  });

  it("runs a transaction on the primary", async () => {
    const found = await db.transaction(async (tx) => {
      const [made] = await tx.insert(contacts).values(values).returning();
      return tx.select().from(contacts).where(eq(contacts.id, made!.id));
    });
    expect(found).toMatchObject([values]);
    expect(routing.checkouts).toMatchObject([{ route: { reason: "transaction" }, commits: 1 }]);
  });

  it("runs a prepared statement on any serving node", async () => {
    const one = db
      .select()
      .from(contacts)
      .where(eq(contacts.id, sql.placeholder("id")))
      .prepare("one");
    for (let i = 0; i < 4; i++) expect(await one.execute({ id: 2 })).toMatchObject([{ id: 2 }]);
    expect(new Set(routing.served())).toEqual(new Set(["r1", "r2"]));
  });

  it("has a view of the primary and one of replicas", async () => {
    await db.$primary.select({ n: count() }).from(contacts);
    await db.$replica.select({ n: count() }).from(contacts);
    await dbRead.query.contacts.findFirst();
    await dbRead.insert(contacts).values(values);
    await db.$primary.transaction((tx) => tx.select({ n: count() }).from(contacts));
    expect(routing.checkouts.map(({ route }) => [route.to, route.reason])).toEqual([
      ["primary", "pinned"],
      ["replica", "pinned"],
      ["replica", "pinned"],
      ["primary", "write"],
      ["primary", "transaction"],
    ]);
  });

  it("begins a read-only transaction on a replica", async () => {
    const readOnly = { accessMode: "read only", isolationLevel: "repeatable read" } as const;
    const ask = (on: Db): Promise<unknown> =>
      on.transaction((tx) => tx.execute(sql`select pg_is_in_recovery() as standby`), readOnly);
    expect(await ask(dbRead)).toMatchObject({ rows: [{ standby: true }] });
    expect(await ask(db)).toMatchObject({ rows: [{ standby: true }] });
    expect(await ask(db.$primary)).toMatchObject({ rows: [{ standby: false }] });
  });
});
