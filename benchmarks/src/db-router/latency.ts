import { routedPool } from "@scale/db-router/pg";
import { withRouter } from "@scale/db-router/prisma";
import { readReplicas } from "@prisma/extension-read-replicas";
import type { Variant } from "@scale/testkit";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text, withReplicas } from "drizzle-orm/pg-core";
import type { Pool } from "pg";
import { type ContactsClient, prismaFor } from "@scale/db-router/scenarios";
import { inTurn, type Stage } from "./stage.js";

/**
 * The variants of one read: directly on the replicas in turn, through the router, and through the client library's own
 * replica support if it has one. All use the connections of the same pools.
 */
export interface Reads {
  readonly direct: Variant;
  readonly routed: Variant;
  readonly peer?: Variant;
}

const BY_ID = "select id, tenant_id, name from contacts where id = $1";

const ids = (): (() => number) => {
  let next = 0;
  return () => (next++ % 100) + 1;
};

/** Reads in the shared session, and in one session per read, as requests have. */
export function pgReads({ router, replicas }: Stage): { pg: Reads; session: Reads } {
  const [one, id] = [inTurn(poolsOf(replicas)), ids()];
  const pool = routedPool(router);
  const direct = (): Promise<unknown> => one().query(BY_ID, [id()]);
  const routed = (): Promise<unknown> => pool.query(BY_ID, [id()]);
  return {
    pg: { direct, routed },
    session: { direct, routed: () => router.run({ startFresh: true }, routed) },
  };
}

const contacts = pgTable("contacts", {
  id: integer().primaryKey(),
  tenantId: text("tenant_id").notNull(),
  name: text().notNull(),
});

export function drizzleReads({ router, primary, replicas }: Stage): Reads {
  const id = ids();
  const select = (db: Pick<ReturnType<typeof drizzle>, "select">): PromiseLike<unknown> =>
    db.select().from(contacts).where(eq(contacts.id, id()));
  const [p1, p2] = poolsOf(replicas);
  const pair = [drizzle({ client: p1 }), drizzle({ client: p2 })] as const;
  const one = inTurn(pair);
  // Random by default: half of the reads would hit the server process that has just run, which is no merit of the library.
  const peer = withReplicas(drizzle({ client: primary.pool }), [...pair], inTurn(pair));
  const routed = drizzle({ client: routedPool(router) });
  return {
    direct: () => select(one()),
    routed: () => select(routed),
    peer: () => select(peer),
  };
}

/** Lists and single rows, because both extensions hook into them differently. */
export async function prismaReads({
  router,
  primary,
  replicas,
}: Stage): Promise<{ findMany: Reads; findUnique: Reads; session: Reads; close(): Promise<void> }> {
  const connect = await prismaFor();
  const [p1, p2] = poolsOf(replicas);
  const pair = [connect(p1), connect(p2)] as const;
  const [writer, plain] = [connect(primary.pool), connect(routedPool(router))];
  const one = inTurn(pair);
  const routed = plain.$extends(withRouter(router));
  const peer = withOfficialExtension(writer, pair);
  const id = ids();
  const findMany = (client: ContactsClient): Promise<unknown> => client.contact.findMany({ take: 10 });
  const findUnique = (client: ContactsClient): Promise<unknown> => client.contact.findUnique({ where: { id: id() } });
  const reads = (ask: (client: ContactsClient) => Promise<unknown>): Reads => ({
    direct: () => ask(one()),
    routed: () => ask(routed),
    peer: () => ask(peer),
  });
  return {
    findMany: reads(findMany),
    findUnique: reads(findUnique),
    session: { ...reads(findUnique), routed: () => router.run({ startFresh: true }, () => findUnique(routed)) },
    close: async () => void (await Promise.all([...pair, writer, plain].map((client) => client.$disconnect()))),
  };
}

/** The types of the extension accept only clients of the package `@prisma/client`. */
function withOfficialExtension(writer: ContactsClient, replicas: readonly ContactsClient[]): ContactsClient {
  const options: unknown = { replicas };
  const extended: unknown = readReplicas(options as Parameters<typeof readReplicas>[0])(writer);
  return extended as ContactsClient;
}

const poolsOf = ([r1, r2]: Stage["replicas"]): readonly [Pool, Pool] => [r1.pool, r2.pool];
