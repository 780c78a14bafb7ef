import type { Router } from "@scale/db-router";
import { routedPool } from "@scale/db-router/pg";
import { withRouter } from "@scale/db-router/prisma";
import { readReplicas } from "@prisma/extension-read-replicas";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text, withReplicas } from "drizzle-orm/pg-core";
import { Pool } from "pg";
import type { ContactsClient } from "@scale/db-router/scenarios";
import type { Address } from "./stage.js";
import { READ, type ReadRow, WRITE } from "./statements.js";

/** A client library that writes a row and reads it. The written numbers only grow. */
export interface Contender {
  readonly name: string;
  write(id: number, version: number): Promise<unknown>;
  read(id: number): Promise<number>;
  /** Runs the work of one request. */
  session<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<unknown>;
}

export function pgContender(router: Router, name = "pg"): Contender {
  const pool = routedPool(router);
  return {
    name,
    write: (id, version) => pool.query(WRITE, [id, version]),
    read: async (id) => Number((await pool.query<ReadRow>(READ, [id])).rows[0]?.name),
    session: (work) => router.run({ startFresh: true }, work),
    close: () => pool.end(),
  };
}

const contacts = pgTable("contacts", { id: integer().primaryKey(), name: text().notNull() });

type Drizzle = Pick<ReturnType<typeof drizzle>, "select" | "update">;

const withDrizzle = (db: Drizzle): Pick<Contender, "read" | "write"> => ({
  write: (id, version) =>
    db
      .update(contacts)
      .set({ name: `${version}` })
      .where(eq(contacts.id, id)),
  read: async (id) => Number((await db.select().from(contacts).where(eq(contacts.id, id)))[0]?.name),
});

export function drizzleContender(router: Router): Contender {
  const pool = routedPool(router);
  const db = drizzle({ client: pool });
  return { ...pgContender(router, "Drizzle"), ...withDrizzle(db), close: () => pool.end() };
}

const withPrisma = (client: ContactsClient): Pick<Contender, "read" | "write"> => ({
  write: (id, version) => client.contact.update({ where: { id }, data: { name: `${version}` } }),
  read: async (id) => Number((await client.contact.findUnique({ where: { id } }))?.name),
});

export type ConnectPrisma = (pool: Pool) => ContactsClient;

export function prismaContender(router: Router, connect: ConnectPrisma): Contender {
  const pool = routedPool(router);
  const plain = connect(pool);
  const client = plain.$extends(withRouter(router));
  const close = async (): Promise<void> => {
    await plain.$disconnect();
    await pool.end();
  };
  return { ...pgContender(router, "Prisma"), ...withPrisma(client), close };
}

/** The replica support of Drizzle and of Prisma. */
export function peers(addresses: readonly Address[], connect: ConnectPrisma): readonly [Contender, Contender] {
  const pools = addresses.map(({ url }) => new Pool({ connectionString: url, max: 20 }));
  const [primary, ...replicas] = pools as [Pool, Pool, Pool];
  const [r1, ...others] = replicas.map((client) => drizzle({ client })) as [ReturnType<typeof drizzle>];
  const db = withReplicas(drizzle({ client: primary }), [r1, ...others]);
  const clients = pools.map((pool) => connect(pool));
  const session = <T>(work: () => Promise<T>): Promise<T> => work();
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.$disconnect()));
    await Promise.all(pools.map((pool) => pool.end()));
  };
  return [
    { name: "drizzle withReplicas", ...withDrizzle(db), session, close: () => Promise.resolve() },
    { name: "@prisma/extension-read-replicas", ...withPrisma(withOfficialExtension(clients)), session, close },
  ];
}

/** The types of the extension accept only clients of the package `@prisma/client`. */
function withOfficialExtension([writer, ...replicas]: readonly ContactsClient[]): ContactsClient {
  const options: unknown = { replicas };
  const extended: unknown = readReplicas(options as Parameters<typeof readReplicas>[0])(writer);
  return extended as ContactsClient;
}
