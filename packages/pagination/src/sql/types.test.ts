import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, definePage, desc, type Order } from "../index.js";
import { sqlPage } from "./index.js";

const server = inject("postgresUrl");

const TYPES = `create type mood as enum ('sad', 'ok', 'it''s fine');
create domain positive as int check (value > 0);
create extension citext;
create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;

/** Values whose text form differs from the input, or that are equal with different text forms. */
const values: Readonly<Record<string, readonly string[]>> = {
  float8: ["NaN", "Infinity", "-Infinity", "-0", "0", "0.1", "0.30000000000000004", "5e-324", "1e308"],
  float4: ["NaN", "-0", "0", "0.1", "16777217"],
  numeric: ["1.0", "1.00", "1", "NaN", "-Infinity", "-0.0", "123456789012345678901234567890.123"],
  'text collate "und-x-icu"': ["a", "A", "\u00e4", "a\u0308", "", " ", "\u{1f600}", "\u0001", "O'x", '"', "\\"],
  "text collate nocase": ["a", "A", "b", "B", "", "a\u0308", "\u00c4"],
  citext: ["a", "A", "b", "B", ""],
  "char(5)": ["a", "a    ", "abc", ""],
  // Summer time in Amsterdam ends between the last three; two of them are 02:30 there.
  timestamptz: ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01", "1890-01-01 00:00:00.000001", "epoch"].concat([
    "2026-10-25 00:30Z",
    "2026-10-25 01:30Z",
    "2026-10-25 02:30Z",
  ]),
  timestamp: ["infinity", "-infinity", "0044-03-15 BC", "2026-03-29 02:30"],
  date: ["infinity", "0044-03-15 BC", "20000-01-01"],
  timetz: ["10:00+02", "08:00+00", "24:00+00"],
  interval: ["1 month", "30 days", "720 hours", "-1 day 02:00", "1 year -2 mons"],
  jsonb: ['{"a":1}', "null", "[]", "1.0", "1.00", '"\\u00e4\\""'],
  mood: ["sad", "ok", "it's fine"],
  uuid: ["00000000-0000-0000-0000-000000000000", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
  bytea: ["\\x", "\\x00", "\\xff00", "\\x27"],
  boolean: ["t", "f"],
  "text[]": ["{}", '{"a,b","\\""}', "{NULL}", '{"NULL"}'],
  inet: ["1.2.3.4", "1.2.3.0/24", "::1"],
  cidr: ["1.2.3.0/24", "::/0"],
  int4range: ["empty", "[1,5)", "(,)"],
  varbit: ["", "1", "101"],
  positive: ["1", "5", "5", "10"],
};

const orders: Readonly<Record<string, Order>> = {
  "k nulls last, id desc": [asc("k", { nulls: "last" }), desc("id")],
  "k desc nulls first, id desc": [desc("k", { nulls: "first" }), desc("id")],
  "k, id": [asc("k"), asc("id")],
  "k desc, id desc": [desc("k"), desc("id")],
};

describe.skipIf(!server)("a key", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    const connectionString = await createDatabase(server, "pagination_types");
    db = new Pool({ connectionString, options: "-c TimeZone=Europe/Amsterdam" });
    await db.query(TYPES);
  });
  afterAll(() => db.end());

  it.each(Object.keys(values))("of type %s pages in both directions, one row per page", async (type) => {
    const table = `list_${Object.keys(values).indexOf(type)}`;
    await db.query(`create table ${table} (id serial primary key, k ${type})`);
    for (const value of [...(values[type] ?? []), null, values[type]?.[0]]) {
      await db.query(`insert into ${table} (k) values ($1)`, [value]);
    }
    for (const [orderBy, by] of Object.entries(orders)) {
      const from = orderBy.includes("nulls") ? table : `(select * from ${table} where k is not null) l`;
      const { rows } = await db.query<{ id: number }>(`select id from ${from} order by ${orderBy}`);
      const expected = rows.map(({ id }) => id);
      expect(await walk(by, from, false)).toEqual(expected);
      expect(await walk(by, from, true)).toEqual(expected.toReversed());
    }
  });

  async function walk(by: Order, from: string, backward: boolean): Promise<unknown[]> {
    const page = definePage({ by, secret: SECRET, tenants: "shared" });
    const ids: unknown[] = [];
    let at: object = {};
    for (;;) {
      const { items, pageInfo } = await sqlPage(db, page.parse({ [backward ? "last" : "first"]: 1, ...at }), { from });
      ids.push(...items.map(({ id }) => id));
      if (!(backward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return ids;
      at = backward ? { before: pageInfo.startCursor } : { after: pageInfo.endCursor };
    }
  }
});
