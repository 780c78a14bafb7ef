import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, definePage, desc } from "../index.js";
import { type SqlClient, verifyPage } from "./index.js";

const server = inject("postgresUrl");
const byId = definePage({ by: [asc("id")], secret: SECRET });

describe.skipIf(!server)("verifyPage", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    db = new Pool({ connectionString: await createDatabase(server, "pagination_verify") });
    await db.query(`create table letters (id int primary key, word text not null, maybe int, at timestamptz not null, unique (word, id));
      create unique index on letters (maybe) where maybe > 0;
      create unique index on letters (id) include (at)`);
  });
  afterAll(() => db.end());

  it("accepts an order that the table supports", async () => {
    const by = { a: [asc("id")], b: [desc("maybe", { nulls: "last" }), asc("l.word")] } as const;
    await verifyPage(db, definePage({ by, secret: SECRET }), "public.letters");
  });

  it("throws one error with every problem", async () => {
    const by = { a: [asc("maybe"), asc("at")], b: [asc("gone"), asc("id")] } as const;
    await expect(verifyPage(db, definePage({ by, secret: SECRET }), "letters")).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message:
        'verifyPage: letters: the order "a": maybe may be null: set nulls to "first" or "last"; ' +
        'the order "a": expected the last key, at, in a primary key or unique index; ' +
        'the order "b": expected a column gone, got none',
    });
  });

  it("throws for a key that is unique among some rows only", async () => {
    await expect(verifyPage(db, definePage({ by: [asc("maybe")], secret: SECRET }), "letters")).rejects.toThrow(
      "expected the last key, maybe",
    );
  });

  it("throws for constraints that the catalogue lists and the table does not keep", async () => {
    await db.query(`create table parents (id int primary key);
      create table children (like parents) inherits (parents);
      create table deferred (id int not null unique deferrable initially deferred)`);
    const unique = "expected the last key, id, in a primary key or unique index";
    await expect(verifyPage(db, byId, "parents")).rejects.toThrow(unique);
    await expect(verifyPage(db, byId, "deferred")).rejects.toThrow(unique);
    const { rows } = await db.query<{ version: number }>(
      "select current_setting('server_version_num')::int as version",
    );
    if ((rows[0]?.version ?? 0) < 180_000) return;
    await db.query(`create table unchecked (id int primary key, word text);
      insert into unchecked values (1, null);
      alter table unchecked add constraint filled not null word not valid`);
    const byWord = definePage({ by: [asc("word"), asc("id")], secret: SECRET });
    await expect(verifyPage(db, byWord, "unchecked")).rejects.toThrow("word may be null");
  });

  it("rejects when the table cannot be read", async () => {
    await expect(verifyPage(db, byId, "nothing")).rejects.toMatchObject({
      code: "SCALE_STORE",
      message: "the database (columns of nothing) could not answer",
    });
  });

  it("rejects when the database is late", async () => {
    const hangs: SqlClient = { query: () => new Promise(() => undefined) };
    const page = definePage({ by: [asc("id")], secret: SECRET, timeoutMs: 5 });
    await expect(verifyPage(hangs, page, "letters")).rejects.toMatchObject({ cause: { code: "SCALE_TIMEOUT" } });
  });
});
