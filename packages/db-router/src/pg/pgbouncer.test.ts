import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { findPgBouncer, type PgBouncer, startPgBouncer } from "../../test/pgbouncer.js";
import { type ContactsClient, prismaFor } from "../../scenarios/prisma-client.js";
import { createRouter, type Router } from "../router.js";
import { pgNode } from "./node.js";
import { routedPool } from "./routed-pool.js";

const contacts = pgTable("contacts", { id: integer().primaryKey(), name: text().notNull() });
const program = findPostgres() && findPgBouncer();

describe.skipIf(!program)("behind PgBouncer in transaction mode", () => {
  let cluster: ContactsCluster;
  let bouncer: PgBouncer;
  let router: Router;
  let pool: Pool;
  let connect: (pool: Pool) => ContactsClient;
  beforeAll(async () => {
    [connect, cluster] = await Promise.all([prismaFor(), startContacts()]);
    const urls = cluster.nodes.map(({ name, url }) => [name, url] as const);
    bouncer = await startPgBouncer(program!, Object.fromEntries(urls));
    const node = (name: string, role: "primary" | "replica" = "replica"): ReturnType<typeof pgNode> =>
      pgNode({ name, role, connectionString: `${bouncer.urlOf(name)}?pgbouncer=true&connection_limit=12` });
    router = createRouter({ primary: node("primary", "primary"), replicas: [node("r1"), node("r2")] });
    await router.ready();
    pool = routedPool(router);
  });
  afterAll(async () => {
    await router.close();
    await bouncer.stop();
    await cluster.stop();
  });

  const portsOf = async (ask: () => Promise<{ rows: { port: number }[] }>): Promise<number | undefined> =>
    (await router.run({ startFresh: true }, ask)).rows[0]?.port;
  const PORT = "select inet_server_port() as port";

  it("sends reads to replicas and writes to the primary, and reads its own writes", async () => {
    const replicas = cluster.replicas.map(({ port }) => port);
    expect(replicas).toContain(await portsOf(() => pool.query(PORT)));
    expect(await portsOf(() => pool.query(`${PORT} for update`))).toBe(cluster.primary.port);
    await router.run({ startFresh: true }, async () => {
      for (let i = 0; i < 50; i++) {
        await pool.query("update contacts set name = $1 where id = 2", [`name ${i}`]);
        expect((await pool.query("select name from contacts where id = $1", [2])).rows).toEqual([
          { name: `name ${i}` },
        ]);
      }
    });
  });

  it("serves Prisma and Drizzle, with parameters and transactions, over few connections", async () => {
    const prisma = connect(pool);
    onTestFinished(() => prisma.$disconnect());
    const db = drizzle({ client: pool });
    const work = Array.from({ length: 30 }, async (_, i) => {
      const id = i + 1;
      await prisma.contact.update({ where: { id }, data: { name: "p" } });
      await db.transaction((tx) =>
        tx
          .update(contacts)
          .set({ name: `d${id}` })
          .where(eq(contacts.id, id)),
      );
      return (await prisma.contact.findUnique({ where: { id } }))?.name;
    });
    expect(await Promise.all(work)).toEqual(Array.from({ length: 30 }, (_, i) => `d${i + 1}`));
  });

  it("limits SET LOCAL to its transaction", async () => {
    const client = await pool.connect();
    await client.query("begin");
    await client.query("set local statement_timeout = '30ms'");
    await expect(client.query("select pg_sleep(5)")).rejects.toMatchObject({ code: "57014" });
    await client.query("rollback");
    client.release();
    await expect(pool.query("select pg_sleep(0.1)")).resolves.toBeDefined();
  });

  it("rejects a statement timeout at connection start, and accepts one of the role", async () => {
    const limited = pgNode({ name: "limited", connectionString: bouncer.urlOf("r1"), statementTimeoutMs: 50 });
    await expect(limited.pool.query("select 1")).rejects.toMatchObject({ code: "08P01" });
    await limited.pool.end();
    await cluster.primary.query("create role limited login password 'limited'");
    await cluster.primary.query("alter role limited set statement_timeout = '50ms'");
    await cluster.caughtUp();
    const url = new URL(cluster.replicas[0].url);
    [url.username, url.password] = ["limited", "limited"];
    const own = await startPgBouncer(program!, { r1: url.href });
    const node = pgNode({ name: "role", connectionString: own.urlOf("r1") });
    await expect(node.pool.query("select pg_sleep(5)")).rejects.toMatchObject({ code: "57014" });
    await node.pool.end();
    await own.stop();
  });

  it("recovers from named statements, which PgBouncer 1.18 mixes up", async () => {
    const named = { name: "by-id", text: "select name from contacts where id = $1", values: [1] };
    const ends = await Promise.allSettled(Array.from({ length: 40 }, () => pool.query(named)));
    const codes = ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason.code)] : []));
    // Newer versions separate named statements, so there are no errors.
    for (const code of codes) expect(["42P05", "26000", "08P01"]).toContain(code);
    expect((await pool.query(PORT)).rows).toHaveLength(1);
  });
});
