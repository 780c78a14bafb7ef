import { eq, type SQL, sql } from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import {
  boolean,
  integer,
  numeric,
  PgDialect,
  pgEnum,
  pgTable,
  serial,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, definePage, desc, type Order } from "../index.js";
import { drizzlePage, drizzleParts } from "./index.js";

const server = inject("postgresUrl");
const status = pgEnum("order_status", ["open", "paid", "sent"]);
const orders = pgTable(
  "orders",
  {
    id: serial("id").primaryKey(),
    number: text("order_no").notNull().unique(),
    status: status("status").notNull(),
    urgent: boolean("urgent").notNull(),
    note: text("note"),
    code: integer("code").notNull(),
    createdAt: timestamp("created_at", { precision: 3, withTimezone: true }).notNull(),
  },
  (table) => [uniqueIndex().on(table.code), uniqueIndex().on(table.status).where(eq(table.status, "open"))],
);

const TABLE = `create type order_status as enum ('open', 'paid', 'sent');
create table orders (
  id serial primary key, order_no text not null unique, status order_status not null, urgent boolean not null,
  note text, code int not null unique, created_at timestamptz(3) not null
);
insert into orders select i, 'no ' || i, (array['sent', 'open', 'paid'])[i % 3 + 1]::order_status, i % 2 = 0, null,
  100 - i, timestamptz '2026-01-31 09:00Z' from generate_series(1, 10) i`;

const define = (...by: Order) => definePage({ by, secret: SECRET, tenants: "shared" });

describe.skipIf(!server)("drizzlePage", () => {
  let pool = {} as Pool;
  let db = {} as NodePgDatabase;
  beforeAll(async () => {
    pool = new Pool({ connectionString: await createDatabase(server, "pagination_drizzle_page") });
    await pool.query(TABLE);
    db = drizzle({ client: pool });
  });
  afterAll(() => pool.end());

  it("returns rows as Drizzle maps them, and no added column", async () => {
    const { items } = await drizzlePage(db, define(asc("id")).parse({ first: 1 }), { from: orders });
    const createdAt: Date | undefined = items[0]?.createdAt;
    expect(createdAt).toEqual(new Date("2026-01-31T09:00:00Z"));
    expect(Object.keys(items[0] ?? {})).toEqual(["id", "number", "status", "urgent", "note", "code", "createdAt"]);
  });

  it("accepts columns by the name in the database or the schema, booleans and enums", async () => {
    const page = define(desc("urgent"), asc("status"), asc("createdAt"), asc("number"));
    const first = await drizzlePage(db, page.parse({ first: 6 }), { from: orders });
    const next = await drizzlePage(db, page.parse({ after: first.pageInfo.endCursor }), { from: orders });
    expect([...first.items, ...next.items].map(({ id }) => id)).toEqual([10, 4, 2, 8, 6, 1, 7, 5, 3, 9]);
  });

  it("accepts the names that Drizzle derives by casing", async () => {
    const list = pgTable("orders", {
      id: serial().primaryKey(),
      orderNo: text().notNull().unique(),
      createdAt: timestamp().notNull(),
    });
    const casing = drizzle({ client: pool, casing: "snake_case" });
    for (const name of ["order_no", "orderNo"]) {
      const page = define(asc("created_at"), asc(name));
      const first = await drizzlePage(casing, page.parse({ first: 6 }), { from: list });
      const next = await drizzlePage(casing, page.parse({ after: first.pageInfo.endCursor }), { from: list });
      expect([...first.items, ...next.items].map(({ id }) => id)).toEqual([1, 10, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("reads inside a transaction", async () => {
    const ids = await db.transaction(async (tx) => {
      await tx.delete(orders).where(eq(orders.id, 1));
      const { items } = await drizzlePage(tx, define(asc("id")).parse({ first: 2 }), { from: orders });
      await tx.insert(orders).values(row(1)).onConflictDoNothing();
      return items.map(({ id }) => id);
    });
    expect(ids).toEqual([2, 3]);
  });

  it("returns its parts for a relational query", async () => {
    const relational = drizzle({ client: pool, schema: { orders } });
    const read = async (query: object) => {
      const { position, where, orderBy, limit, page } = drizzleParts(
        define(desc("code"), asc("id")).parse(query),
        orders,
      );
      const rows = await relational.query.orders.findMany({ where, orderBy, limit, extras: { position } });
      return page(rows, (one) => one.position);
    };
    const first = await read({ first: 2 });
    const next = await read({ first: 2, after: first.pageInfo.endCursor });
    expect([...first.items, ...next.items].map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(next.pageInfo.hasNextPage).toBe(true);
    await drizzlePage(relational, define(asc("id")).parse({}), { from: orders });
  });

  it("estimates a total from the result of postgres-js too", async () => {
    const plan = async (_query: SQL) => [{ "QUERY PLAN": [{ Plan: { "Plan Rows": 7 } }] }];
    const postgresJs = { select: db.select.bind(db), execute: plan };
    const args = define(asc("id")).parse({});
    const { total } = await drizzlePage(postgresJs, args, { from: orders, total: "estimated" });
    expect(total).toEqual({ value: 7, exact: false });
  });

  it("keeps its position if the table has more digits than the schema", async () => {
    await pool.query(`create table fine (id int primary key, at timestamptz not null, amount numeric not null);
      insert into fine select i, timestamptz '2026-01-31 09:00Z' + i * interval '100 us', i / 1000.0 from generate_series(1, 9) i`);
    const fine = pgTable("fine", {
      id: integer("id").primaryKey(),
      at: timestamp("at", { precision: 3, withTimezone: true }).notNull(),
      amount: numeric("amount", { precision: 12, scale: 2 }).notNull(),
    });
    for (const column of ["at", "amount"]) {
      for (const page of [define(asc(column), asc("id")), define(desc(column), desc("id"))]) {
        const first = await drizzlePage(db, page.parse({ first: 6 }), { from: fine });
        const next = await drizzlePage(db, page.parse({ after: first.pageInfo.endCursor }), { from: fine });
        const ids = [...first.items, ...next.items].map(({ id }) => id);
        expect(ids.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      }
    }
  });

  it("rejects a cursor whose values the columns cannot read", async () => {
    const page = define(asc("id"));
    const args = page.parse({ after: page.parse({}).cursorOf(["0b1f"]) });
    await expect(drizzlePage(db, args, { from: orders })).rejects.toMatchObject({ code: "SCALE_CURSOR", status: 400 });
  });

  it("rejects with the error of the database as its cause", async () => {
    const gone = pgTable("gone", { id: serial("id").primaryKey() });
    const page = drizzlePage(db, define(asc("id")).parse({}), { from: gone });
    await expect(page).rejects.toMatchObject({ code: "SCALE_STORE", cause: { cause: { code: "42P01" } } });
  });
});

const row = (id: number): typeof orders.$inferInsert => ({
  id,
  number: `no ${id}`,
  status: "open",
  urgent: false,
  code: 100 - id,
  createdAt: new Date("2026-01-31T09:00:00Z"),
});

describe("drizzlePage and the schema", () => {
  const db = drizzle.mock();
  const read = (...by: Order): Promise<unknown> => drizzlePage(db, define(...by).parse({}), { from: orders });

  it("sends values as text and casts them to the type of the column", () => {
    const page = define(desc("created_at"), desc("urgent"), desc("status"), desc("code"), desc("id"));
    const after = page.parse({}).cursorOf(["2026-01-31 09:00:00.123+00", "true", "paid", "1", "2"]);
    const { where } = drizzleParts(page.parse({ after }), orders);
    const { sql: text, params } = new PgDialect().sqlToQuery(where ?? sql``);
    expect(text).toContain("($1::text::timestamp with time zone, $2::text::boolean, $3, $4::text::integer, $5)");
    expect(params).toEqual(["2026-01-31 09:00:00.123+00", "true", "paid", "1", "2"]);
  });

  const cases: readonly [what: string, by: Order, message: string][] = [
    ["an unknown column", [asc("nothing"), asc("id")], "the table orders: expected a column nothing, got none"],
    [
      "a property of every object",
      [asc("constructor"), asc("id")],
      "the table orders: expected a column constructor, got none",
    ],
    ["a null without a position", [asc("note"), asc("id")], "note may be null in the schema"],
    [
      "a last key that is not unique",
      [asc("id"), asc("createdAt")],
      "expected the last key, created_at, in a primary key",
    ],
    ["a last key that is unique among some rows", [asc("status")], "expected the last key, status, in a primary key"],
  ];

  it.each(cases)("rejects %s", async (_what, by, message) => {
    await expect(read(...by)).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: expect.stringContaining(message) as string,
    });
  });
});
