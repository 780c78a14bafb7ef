import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, definePage, desc, type Order } from "../index.js";
import { type SqlClient, sqlPage, sqlParts } from "./index.js";

const server = inject("postgresUrl");

const TABLE = `create table letters (
  id int primary key, "Odd ""Name""" text not null, word text not null, maybe int,
  at timestamptz not null default now(), unique (word, id)
);
insert into letters select i, chr(64 + i), case when i < 4 then 'low' else 'high' end, nullif(i, 3)
from generate_series(1, 5) i`;

const define = (...by: Order) => definePage({ by, secret: SECRET, tenants: "shared" });
const byId = define(asc("id"));
const list = { from: "letters" };

describe.skipIf(!server)("sqlPage", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    db = new Pool({ connectionString: await createDatabase(server, "pagination_page") });
    await db.query(TABLE);
  });
  afterAll(() => db.end());

  it("returns the columns of the list and no added column", async () => {
    const page = await sqlPage(db, byId.parse({ first: 1 }), list);
    expect(Object.keys(page.items[0] ?? {})).toEqual(["id", 'Odd "Name"', "word", "maybe", "at"]);
    expect(Object.keys(page)).toEqual(["items", "pageInfo"]);
    expect(JSON.parse(JSON.stringify(page))).toMatchObject({ items: [{ id: 1, word: "low" }] });
  });

  it("reads the selected columns, and parses each row", async () => {
    const select = 'word, l."Odd ""Name""" as letter';
    const row = ({ letter }: Readonly<Record<string, unknown>>): string => String(letter);
    const args = byId.parse({ last: 2 });
    const { items } = await sqlPage(db, args, { from: "letters l", select, row });
    expect(items).toEqual(["D", "E"]);
  });

  it("sorts by columns, even if selected expressions have their names", async () => {
    const page = define(asc("word"), desc("id"));
    const select = "-id as id, id::text as word -- and nothing else";
    const read = async (query: object) => sqlPage(db, page.parse(query), { ...list, select });
    const first = await read({ first: 2 });
    const next = await read({ after: first.pageInfo.endCursor });
    expect([...first.items, ...next.items].map(({ word }) => word)).toEqual(["5", "4", "3", "2", "1"]);
    expect(first.items[0]).toEqual({ id: -5, word: "5" });
    expect((await read({ last: 2 })).items.map(({ id }) => id)).toEqual([-2, -1]);
  });

  it("accepts names with quotes, table aliases and types", async () => {
    const page = define(desc('l.Odd "Name"', { type: "text" }), asc("l.id", { type: "integer" }));
    const first = await sqlPage(db, page.parse({ first: 2 }), { from: "letters l" });
    const next = await sqlPage(db, page.parse({ after: first.pageInfo.endCursor }), { from: "letters l" });
    expect([...first.items, ...next.items].map(({ id }) => id)).toEqual([5, 4, 3, 2, 1]);
  });

  it("numbers its parameters after those of the list", async () => {
    const page = define(asc("word"), desc("id"));
    const where = { text: "word <> $2 and id < $1", values: [5, "none"] };
    const after = page.parse({}).cursorOf(["low", "3"]);
    const { items } = await sqlPage(db, page.parse({ after }), { ...list, where });
    expect(items.map(({ id }) => id)).toEqual([2, 1]);
  });

  it("accepts the same string as a value of two columns of different types", async () => {
    const page = define(asc("word"), desc("id"));
    const after = page.parse({}).cursorOf(["3", "3"]);
    const { items } = await sqlPage(db, page.parse({ after, first: 2 }), list);
    expect(items.map(({ id }) => id)).toEqual([5, 4]);
  });

  it("has a cursor for each row, and throws for other indexes", async () => {
    const { cursorOf, pageInfo } = await sqlPage(db, byId.parse({ first: 2 }), list);
    expect(cursorOf(0)).toBe(pageInfo.startCursor);
    expect(cursorOf(1)).toBe(pageInfo.endCursor);
    expect(() => cursorOf(2)).toThrow(RangeError);
  });

  it("is empty after the last row", async () => {
    const args = byId.parse({ after: byId.parse({}).cursorOf(["5"]) });
    const { items, pageInfo } = await sqlPage(db, args, list);
    expect(items).toEqual([]);
    expect(pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null });
  });

  it("throws for an order whose last key is not unique, on the page that shows it", async () => {
    const page = define(asc("word"));
    await expect(sqlPage(db, page.parse({}), list)).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: 'the order "default": expected a unique last key, got two rows with ["high"]; add a unique column',
    });
  });

  it("throws for a null without a position in the order", async () => {
    const page = define(desc("maybe"), asc("id"));
    await expect(sqlPage(db, page.parse({ first: 1 }), list)).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: 'the order "default": expected no null in maybe, got a row with one; set nulls to "first" or "last"',
    });
  });

  it("rejects with the error of the database as its cause", async () => {
    await expect(sqlPage(db, byId.parse({}), { from: "nothing" })).rejects.toMatchObject({
      code: "SCALE_STORE",
      cause: { code: "42P01" },
    });
  });

  it("rejects when the database is late", async () => {
    const hangs: SqlClient = { query: () => new Promise(() => undefined) };
    const page = definePage({ by: [asc("id")], secret: SECRET, tenants: "shared", timeoutMs: 5 });
    await expect(sqlPage(hangs, page.parse({}), list)).rejects.toMatchObject({
      code: "SCALE_STORE",
      cause: { code: "SCALE_TIMEOUT" },
    });
  });

  it("rejects a cursor whose values the columns cannot read, with the error of the database as its cause", async () => {
    const after = byId.parse({}).cursorOf(["not a number"]);
    const before = byId.parse({}).cursorOf(["99999999999"]);
    for (const query of [{ after }, { before }, { after, before }]) {
      await expect(sqlPage(db, byId.parse(query), list)).rejects.toMatchObject({
        code: "SCALE_CURSOR",
        status: 400,
        message: `${Object.keys(query).join(" and ")}: expected values that the keys of this list can have; start from the first page`,
        cause: { code: "SCALE_STORE" },
      });
    }
  });

  it("rejects with SCALE_CONFIG when the text of a key cannot be compared with it, whatever the client has sent", async () => {
    const from = "(select id, relname::regclass as owner from letters, (values ('letters')) r (relname)) l";
    const page = define(asc("owner"), asc("id"));
    const { pageInfo } = await sqlPage(db, page.parse({ first: 2 }), { from });
    await expect(sqlPage(db, page.parse({ first: 2, after: pageInfo.endCursor }), { from })).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: expect.stringContaining("set type") as string,
    });
    const typed = define(asc("owner", { type: "regclass" }), asc("id"));
    const { items } = await sqlPage(db, typed.parse({ first: 2, after: pageInfo.endCursor }), { from });
    expect(items.map(({ id }) => id)).toEqual([3, 4]);
  });

  it("rejects with SCALE_STORE for every other error", async () => {
    const where = { text: "id = $1", values: ["x"] };
    const failed = { code: "SCALE_STORE", cause: { code: "22P02" } };
    await expect(sqlPage(db, byId.parse({}), { ...list, where })).rejects.toMatchObject(failed);
    const after = byId.parse({}).cursorOf(["1"]);
    await expect(sqlPage(db, byId.parse({ after }), { from: "nothing" })).rejects.toMatchObject({
      code: "SCALE_STORE",
    });
  });

  it("rejects a page with the row of its cursor, if the session writes fewer digits than the table has", async () => {
    const page = define(asc("f"), asc("id"));
    const from = "(select id, 0.1::float8 + id * 1e-16 as f from letters) l";
    const client = await db.connect();
    await client.query("set extra_float_digits = 0");
    const { pageInfo } = await sqlPage(client, page.parse({ first: 1 }), { from });
    await expect(sqlPage(client, page.parse({ first: 1, after: pageInfo.endCursor }), { from })).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: expect.stringContaining(
        'the order "default": expected rows beyond the cursor, got its own row, ["0.1","1"]',
      ) as string,
    });
    client.release(true);
  });

  it.each([[{}], [undefined], [{ rows: {} }]])("rejects when a client returns %j", async (answer) => {
    const answers: { query(): Promise<unknown> } = { query: async () => answer };
    await expect(sqlPage(answers as SqlClient, byId.parse({}), list)).rejects.toMatchObject({
      code: "SCALE_STORE",
      message: expect.stringContaining("expected rows, got") as string,
    });
  });

  it.each([
    [[null]],
    [[{}]],
    [[{ scale_page_position: "title" }]],
    [[{ scale_page_position: '["1","2"]' }]],
    [[{ scale_page_position: "[1]" }]],
  ])("rejects when the database returns %j", async (rows) => {
    const answers: SqlClient = { query: async () => ({ rows }) };
    await expect(sqlPage(answers, byId.parse({}), list)).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it.each([[[]], [[{ plan: "[]" }]], [[{ plan: [{ Plan: {} }] }]]])("rejects a total of %j", async (answer) => {
    const half: SqlClient = {
      query: async (text) => ({ rows: text.startsWith("explain") ? answer : [] }),
    };
    const page = sqlPage(half, byId.parse({}), { ...list, total: "estimated" });
    await expect(page).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("sends a value as text and casts it when the key has a type", () => {
    const page = define(desc("at", { type: "timestamptz" }), desc("id", { type: "int" }));
    const { where, values } = sqlParts(page.parse({ after: page.parse({}).cursorOf(["2026-01-31 09:00:00+00", "3"]) }));
    expect(where).toBe('(("at", "id") < ($1::text::timestamptz, $2::text::int))');
    expect(values).toEqual(["2026-01-31 09:00:00+00", "3"]);
  });

  it("returns its parts for a statement of the application", async () => {
    const args = byId.parse({ after: byId.parse({}).cursorOf(["2"]), first: 2 });
    const { position, where, orderBy, limit, offset, values, page } = sqlParts(args, ["low"]);
    expect({ where, orderBy, limit, offset, values }).toEqual({
      where: '("id" > $2)',
      orderBy: '"id"',
      limit: 3,
      offset: 0,
      values: ["low", "2"],
    });
    const sql = `select word, ${position} from letters where word <> $1 and ${where} order by ${orderBy} limit ${limit}`;
    const { items, pageInfo } = page((await db.query(sql, values)).rows);
    expect(items).toEqual([{ word: "high" }, { word: "high" }]);
    expect(pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it("throws for rows of a statement without its condition", () => {
    const before = byId.parse({}).cursorOf(["2"]);
    const rows = ["3", "2", "1"].map((id) => ({ id, scale_page_position: `["${id}"]` }));
    const { page } = sqlParts(byId.parse({ before, last: 2 }));
    expect(() => page(rows)).toThrow("expected rows beyond the cursor, got its own row");
    expect(page(rows.slice(2)).items).toEqual([{ id: "1" }]);
  });
});
