import { createDatabase } from "@scale/testkit";
import { drizzle } from "drizzle-orm/node-postgres";
import { char, integer, pgTable, text } from "drizzle-orm/pg-core";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../test/entries.js";
import { drizzlePage } from "./drizzle/index.js";
import { asc, definePage, desc, type Order, type Page, type PageArgs } from "./index.js";
import { prismaPage } from "./prisma/index.js";
import { sqlPage } from "./sql/index.js";

const server = inject("postgresUrl");

const TABLE = `create table things (
  id int primary key, rank int, bucket int not null, word text, code char(6) not null unique
);
insert into things select i, case when i % 3 = 0 then null else i end, i / 46, case when i in (10, 11) then null else 'w' end,
  'c' || i from generate_series(1, 90) i`;

/** A schema that promises more than the table keeps. */
const things = pgTable("things", {
  id: integer().primaryKey(),
  rank: integer().notNull(),
  bucket: integer().notNull(),
  word: text().notNull(),
  code: char({ length: 6 }).notNull().unique(),
});

/** 30 of 90 rows have no rank, and two have no word. Rows with a null come last in ascending order. */
const orders: readonly (readonly [string, Order, "first" | "last"])[] = [
  ["ascending", [asc("rank"), asc("id")], "first"],
  ["descending, backward", [desc("rank"), desc("id")], "last"],
  ["mixed, ascending first", [asc("rank"), desc("id")], "first"],
  ["mixed, descending first, backward", [desc("rank"), asc("id")], "last"],
  ["a later key", [asc("bucket"), asc("word"), asc("id")], "first"],
];

const pageOf = (by: Order) => definePage({ by, secret: SECRET, tenants: "shared" });

describe.skipIf(!server)("a walk over an order with nulls that it does not place", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    db = new Pool({ connectionString: await createDatabase(server, "pagination_lost") });
    await db.query(TABLE);
  });
  afterAll(() => db.end());

  const prisma = {
    $queryRawUnsafe: async (query: string, ...values: unknown[]) => (await db.query(query, values)).rows as unknown[],
  };
  const find = async (ids: readonly (string | number)[]) =>
    (await db.query<{ id: number }>("select id from things where id = any($1)", [ids])).rows;
  const clients: Record<string, (args: PageArgs) => Promise<Page<unknown>>> = {
    sql: (args) => sqlPage(db, args, { from: "things", where: { text: "id > $1", values: [0] } }),
    drizzle: (args) => drizzlePage(drizzle({ client: db }), args, { from: things }),
    prisma: (args) => prismaPage(prisma, args, { from: "things", id: { field: "id", type: "Int" }, find }),
  };

  async function walk(
    read: (args: PageArgs) => Promise<Page<unknown>>,
    by: Order,
    size: "first" | "last",
  ): Promise<number> {
    const page = pageOf(by);
    let at: object = {};
    for (let count = 0; ; ) {
      const { items, pageInfo } = await read(page.parse({ [size]: 20, ...at }));
      count += items.length;
      if (!(size === "first" ? pageInfo.hasNextPage : pageInfo.hasPreviousPage)) return count;
      at = size === "first" ? { after: pageInfo.endCursor } : { before: pageInfo.startCursor };
    }
  }

  describe.each(Object.keys(clients))("read by %s", (name) => {
    const read = (args: PageArgs): Promise<Page<unknown>> => clients[name]?.(args) as Promise<Page<unknown>>;

    it.each(orders)("%s: fails instead of losing rows", async (_name, by, size) => {
      await expect(walk(read, by, size)).rejects.toMatchObject({
        code: "SCALE_CONFIG",
        message: expect.stringContaining('set nulls to "first" or "last"') as string,
      });
    });

    it("returns all rows when the order places the nulls, and when there are none", async () => {
      expect(await walk(read, [asc("rank", { nulls: "last" }), asc("id")], "first")).toBe(90);
      expect(await walk(read, [asc("code"), asc("id")], "first")).toBe(90);
    });
  });

  it("searches only where a walk from a cursor ends", async () => {
    const queries: string[] = [];
    const counting = { query: (query: string, values: unknown[]) => (queries.push(query), db.query(query, values)) };
    const page = pageOf([asc("id")]);
    const from = "things";
    await sqlPage(counting, page.parse({ first: 100 }), { from });
    const { pageInfo } = await sqlPage(counting, page.parse({ first: 85 }), { from });
    await sqlPage(counting, page.parse({ first: 3, after: pageInfo.endCursor }), { from });
    expect(queries.length).toBe(3);
    await sqlPage(counting, page.parse({ first: 5, after: pageInfo.endCursor }), { from });
    expect(queries.length).toBe(5);
  });
});

describe.skipIf(!server)("prismaPage", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    db = new Pool({ connectionString: await createDatabase(server, "pagination_lost_ids") });
    await db.query(TABLE);
  });
  afterAll(() => db.end());

  const page = pageOf([asc("id")]);
  const prisma = {
    $queryRawUnsafe: async (query: string, ...values: unknown[]) => (await db.query(query, values)).rows as unknown[],
  };
  const id = { field: "code", type: "String" } as const;

  it("finds rows by ids that are shorter than their char(n), with and without their blanks", async () => {
    for (const code of ["code", "code::text as code"]) {
      const find = async (ids: readonly string[]) =>
        (await db.query<{ code: string }>(`select ${code} from things where code = any($1::bpchar[])`, [ids])).rows;
      const { items } = await prismaPage(prisma, page.parse({ first: 5 }), { from: "things", id, find });
      expect(items.map((item) => item.code.trim())).toEqual(["c1", "c2", "c3", "c4", "c5"]);
    }
  });

  it("rejects when rows come back with other ids than those that were asked for", async () => {
    const find = async (ids: readonly string[]) => ids.map((code) => ({ code: code.toUpperCase() }));
    await expect(prismaPage(prisma, page.parse({ first: 5 }), { from: "things", id, find })).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: expect.stringContaining("expected rows with the ids that it was given") as string,
    });
  });
});
