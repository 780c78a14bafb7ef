import { and, eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, boolean, integer, numeric, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { inject } from "vitest";
import { TENANT } from "../../test/entries.js";
import { describeTotals, describeWalks } from "../../test/walks.js";
import { drizzlePage, drizzleParts } from "./index.js";

const server = inject("postgresUrl");

const entries = pgTable(
  "entries",
  {
    tenantId: text("tenant_id").notNull(),
    id: bigint("id", { mode: "bigint" }).notNull(),
    // Milliseconds in JavaScript, microseconds in the database.
    createdAt: timestamp("created_at", { withTimezone: true, mode: "date" }).notNull(),
    score: integer("score"),
    amount: numeric("amount", { precision: 12, scale: 2 }),
    name: text("name").notNull(),
    pinned: boolean("pinned").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
const where = eq(entries.tenantId, TENANT);

describeWalks("drizzle", server, async ({ pool }) => {
  const db = drizzle({ client: pool });
  return { read: (args) => drizzlePage(db, args, { from: entries, where }) };
});

describeTotals("drizzle", server, async ({ pool }) => {
  const db = drizzle({ client: pool });
  return { count: (args, total) => drizzlePage(db, args, { from: entries, where, total }) };
});

describeWalks("drizzle_parts", server, async ({ pool }) => {
  const db = drizzle({ client: pool });
  return {
    async read(args) {
      const { position, where: seek, orderBy, limit, offset, page } = drizzleParts(args, entries);
      const rows = await db
        .select({ id: entries.id, position })
        .from(entries)
        .where(and(where, seek))
        .orderBy(orderBy)
        .limit(limit)
        .offset(offset);
      return page(rows, (row) => row.position);
    },
  };
});
