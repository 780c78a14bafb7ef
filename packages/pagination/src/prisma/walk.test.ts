import { expect, inject, it } from "vitest";
import { type Entries, entryPages, makeEntries, TENANT } from "../../test/entries.js";
import { connectPrisma, type Entry } from "../../test/prisma-client.js";
import { describeTotals, describeWalks } from "../../test/walks.js";
import { prismaPage, type PrismaSource } from "./index.js";

const server = inject("postgresUrl");

async function open({ pool }: Entries) {
  const { db, sql } = await connectPrisma(pool.options.connectionString ?? "");
  const source: PrismaSource<"BigInt", Entry> = {
    from: "entries",
    where: sql`tenant_id = ${TENANT}`,
    id: { field: "id", type: "BigInt" },
    find: (ids) => db.entry.findMany({ where: { id: { in: ids } } }),
  };
  return { db, source, close: () => db.$disconnect() };
}

describeWalks("prisma", server, async (entries) => {
  const { db, source, close } = await open(entries);
  return { read: (args) => prismaPage(db, args, source), close };
});

it.skipIf(!server)("prismaPage rejects a cursor whose values the columns cannot read", async () => {
  const entries = await makeEntries(server, "pagination_prisma_cursor");
  const { db, source, close } = await open(entries);
  const { cursorOf } = entryPages.parse({}, { tenantId: TENANT });
  const args = entryPages.parse({ after: cursorOf(["2026-01-31", "0b1f"]) }, { tenantId: TENANT });
  await expect(prismaPage(db, args, source)).rejects.toMatchObject({ code: "SCALE_CURSOR", status: 400 });
  await close();
  await entries.close();
});

describeTotals("prisma", server, async (entries) => {
  const { db, source, close } = await open(entries);
  return { count: (args, total) => prismaPage(db, args, { ...source, total }), close };
});
