import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../failure.js";
import { isKnownVolatile } from "./functions.js";
import { kindOf } from "./kind.js";

fc.configureGlobal({ seed: 20_261_120 });

const oneOf = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);

// Pieces that hide keywords from a careless parser, or only look as if they did.
const blank = oneOf(" ", "\n", " -- for update\n", " /* x */ ", " /* /* ; */ insert */ ", "\t\f ");
const value = oneOf(
  "1",
  "'text'",
  "'it''s; delete from contacts'",
  "E'\\'; for update --'",
  "E'a\\\\'",
  "U&'\\0061'",
  "$$ nextval('tickets') $$",
  "$a$ $$ ; $a$",
  "B'01'",
  '"name"',
  "1e5",
  "id::text",
  "'a'\n'b'",
  "E'a'\n'\\'b'",
);
const call = oneOf(
  "now()",
  "nextval('tickets')",
  "\"nextval\"('tickets')",
  "pg_catalog.nextval ('tickets')",
  "(select setval('tickets', 9))",
  "('tickets'::regclass)::text",
  "txid_current()",
  "pg_current_xact_id()",
  "pg_notify('a', 'b')",
  "lo_creat(-1)",
  "upper(name)",
  "substring(name for 3)",
  "set_config('a.b', 'c', true)",
  "pg_try_advisory_xact_lock(1)",
  "count(*) over ()",
  "U&\"nextv\\0061l\"('tickets')",
);
const tail = oneOf(
  "",
  "",
  "",
  "for update",
  "for no key update",
  "FOR SHARE of contacts",
  "for/**/key share nowait",
  "limit 1",
  "order by 1 limit 2 offset 1",
  ";",
  "; -- end",
  "; select 2",
  "; delete from contacts",
  "where name = 'a' -- ;\n",
);
const head = oneOf(
  "",
  "",
  "",
  "explain",
  "explain analyze",
  "explain (analyze, costs off)",
  "with w as (select 1)",
  "with w as (delete from contacts where id = -1 returning 1)",
  "with w as materialized (insert into contacts (tenant_id, name) values ('a', 'b') returning id)",
  "create temp table t as",
  "begin;",
  "declare c cursor for",
  "insert into contacts (tenant_id, name)",
);

const statement = fc
  .tuple(
    head,
    fc.array(fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: call }), { minLength: 1, maxLength: 3 }),
    oneOf("", "", "", "", "into temp x"),
    tail,
    blank,
  )
  .map(([start, columns, into, end, gap]) =>
    [start, "select", columns.join(`${gap},`), into, "from contacts", end].filter(Boolean).join(gap),
  );

describe.skipIf(!findPostgres())("a statement classified as a read, on a standby", () => {
  let cluster: ContactsCluster;
  let standby: pg.Client;
  beforeAll(async () => {
    cluster = await startContacts();
    standby = new pg.Client({ connectionString: cluster.replicas[0].url });
    await standby.connect();
  });
  afterAll(async () => {
    await standby.end();
    await cluster.stop();
  });

  /** The refusal of the standby; errors of invalid statements do not count. */
  async function refusal(text: string): Promise<string | undefined> {
    try {
      await standby.query(text);
    } catch (error) {
      if (failureOf(error, true) === "refused") return String(error);
    }
    return undefined;
  }

  it("is never refused, however it is written", async () => {
    const seen = { read: 0, session: 0, call: 0, write: 0 };
    await fc.assert(
      fc.asyncProperty(statement, async (text) => {
        const kind = kindOf(text);
        seen[kind] += 1;
        return kind !== "read" || (await refusal(text)) === undefined;
      }),
      { numRuns: 3_000 },
    );
    // Both outcomes occurred.
    expect(Math.min(seen.read, seen.write)).toBeGreaterThan(300);
  });

  it("covers every function of the server that has effects", async () => {
    const { rows } = await standby.query<{ name: string }>(
      `select distinct proname as name from pg_proc where provolatile <> 'i' and pronargs = 0
        and pronamespace = 'pg_catalog'::regnamespace and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)`,
    );
    const unknown = rows.map(({ name }) => name).filter((name) => !isKnownVolatile(name));
    expect(unknown).toContain("clock_timestamp");
    for (const name of unknown) {
      const said = await refusal(`select ${name}()`);
      // Functions that no server runs with these settings are not refusals of a standby.
      const everywhere = said && (await cluster.primary.query(`select ${name}()`).catch(String));
      expect([name, said]).toEqual([name, everywhere]);
    }
  });
});
