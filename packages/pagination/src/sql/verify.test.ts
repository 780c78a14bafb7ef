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

  it("takes an order that the table can have", async () => {
    const by = { a: [asc("id")], b: [desc("maybe", { nulls: "last" }), asc("l.word")] } as const;
    await verifyPage(db, definePage({ by, secret: SECRET }), "public.letters");
  });

  it("names everything that does not hold", async () => {
    const by = { a: [asc("maybe"), asc("at")], b: [asc("gone"), asc("id")] } as const;
    await expect(verifyPage(db, definePage({ by, secret: SECRET }), "letters")).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message:
        'verifyPage: letters: the order "a": maybe may be null, say where nulls stand; ' +
        'the order "a": the last key, at, is in nothing unique; the order "b": there is no column gone',
    });
  });

  it("does not take what is unique among some rows only", async () => {
    await expect(verifyPage(db, definePage({ by: [asc("maybe")], secret: SECRET }), "letters")).rejects.toThrow(
      "the last key, maybe",
    );
  });

  it("fails when the table cannot be read", async () => {
    await expect(verifyPage(db, byId, "nothing")).rejects.toMatchObject({
      code: "SCALE_STORE",
      message: "the columns of nothing could not be read",
    });
  });

  it("fails when the database does not answer in time", async () => {
    const hangs: SqlClient = { query: () => new Promise(() => undefined) };
    const page = definePage({ by: [asc("id")], secret: SECRET, timeoutMs: 5 });
    await expect(verifyPage(hangs, page, "letters")).rejects.toMatchObject({ cause: { code: "SCALE_TIMEOUT" } });
  });
});
