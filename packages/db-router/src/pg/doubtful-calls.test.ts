import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import type { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RecordingRouting, routingOf } from "../../test/recording-routing.js";
import { routed } from "../../test/routed.js";
import { NoPrimaryError } from "../errors.js";
import type { Routing } from "../types.js";
import { routedPool } from "./routed-pool.js";

const SCHEMA = [
  "create table touched (at timestamptz default clock_timestamp())",
  "create function label(int) returns text stable language sql as $$ select 'label ' || $1 $$",
  "create function careless(int) returns int language sql as 'select $1 * 2'",
  "create function touch() returns int language sql as $$ insert into touched default values returning 1 $$",
  "create function touch_sometimes(boolean) returns int language plpgsql as $$ begin if $1 then perform touch(); end if; return 1; end $$",
  `create function touch_if_allowed() returns boolean language plpgsql as $$
    begin
      insert into touched default values;
      return true;
    exception when others then return false;
    end $$`,
  "create view touching as select touch()",
];

/** Reads that call something, or look as if they did. */
const READS = [
  "select label(1)",
  "select careless(2)",
  'select "label"(1), public.label(2), public . label (3)',
  "with w (a, b) as (select 1, 2) select * from w",
  "with recursive w (a) as (select 1), x (b) as (select 2) select * from w, x",
  "select * from (values (1, 'a')) as v (a, b)",
  "select * from (values (1)) v (a)",
  "select * from unnest(array[1, 2]) as u (x)",
  "select * from unnest(array[1, 2]) with ordinality u (x, n)",
  "select * from json_to_record('{\"a\": 1}') as r (a int)",
  "select * from contacts c (a, b, c) limit 1",
  "select jsonb_path_query('[1]', '$[*]'), date('2026-01-31'), uuidv7() is null, gen_random_uuid() is null",
  "select date_trunc('day', now()), make_time(1, 2, 3.5), to_hex(255), sha256('a'), num_nulls(1, null)",
  "select array_agg(x) filter (where x > 1) over (partition by x) from generate_series(1, 2) x",
  "select percentile_cont(0.5) within group (order by x) from generate_series(1, 2) x",
  "select distinct on (x) label(x) from generate_series(1, 2) x",
  "select (1, 2) = (1, 2), row(1, 2), x from (select 1) as q (x) where (x) in (1)",
  "select cast('1' as numeric(10, 2)), '1'::varchar(3), '2026-01-31'::timestamp(3)",
  "select xmlelement(name a), json_object('a': 1), nullif(1, 2), grouping(x) from (select 1 as x) q group by cube (x)",
  "explain (costs off) select label(1)",
];

describe.skipIf(!findPostgres())("a read that calls functions", () => {
  let cluster: ContactsCluster;
  let routing: RecordingRouting;
  let pool: Pool;
  beforeAll(async () => {
    cluster = await startContacts();
    for (const statement of SCHEMA) await cluster.primary.query(statement);
    await cluster.caughtUp();
  });
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    routing = routingOf(cluster);
    pool = routedPool(routing);
    await cluster.primary.query("truncate touched");
  });
  afterEach(() => routing.end());

  const onPrimary = (text: string, values: unknown[] = []): Promise<unknown> =>
    routing.primary(() => pool.query(text, values));
  const lastWrote = (): boolean | undefined => routing.checkouts.at(-1)?.outcome?.wrote;
  const touched = async (): Promise<number> =>
    Number((await cluster.primary.query("select count(*)::int as n from touched"))[0]?.["n"]);

  /** Resolves when the pool knows the functions of the database. */
  async function known(): Promise<void> {
    const isRead = async (): Promise<boolean> => {
      await onPrimary("select label(0)");
      return lastWrote() === false;
    };
    await waitUntil(isRead, { what: "the catalogue is known" });
    routing.checkouts.splice(0);
  }

  it.each(READS)("is no write on the primary: %s", async (text) => {
    await known();
    await onPrimary(text);
    expect(lastWrote()).toBe(false);
  });

  it("is a write when it writes, runs once, and goes straight to the primary from then on", async () => {
    await known();
    await onPrimary("select touch()");
    expect([await touched(), lastWrote()]).toEqual([1, true]);
    routing.served();
    await pool.query("select touch()");
    expect([await touched(), routing.served()]).toEqual([2, ["primary"]]);
  });

  it("is a write when a view hides the function, after a replica has refused it once", async () => {
    await pool.query("select * from touching");
    expect(routing.served()).toEqual(["r1", "primary"]);
    await onPrimary("select * from touching");
    expect([await touched(), lastWrote()]).toEqual([2, true]);
  });

  it("is a write from the first refusal on when it writes with some values only", async () => {
    await known();
    const text = "select touch_sometimes($1)";
    await onPrimary(text, [false]);
    expect(lastWrote()).toBe(false);
    await pool.query(text, [true]);
    expect([await touched(), lastWrote()]).toEqual([1, true]);
    await onPrimary(text, [false]);
    expect(lastWrote()).toBe(true);
  });

  it("never runs on a replica when the function would hide the refusal", async () => {
    await known();
    const { rows } = await pool.query("select touch_if_allowed() as is_done");
    expect([rows, await touched(), routing.served()]).toEqual([[{ is_done: true }], 1, ["primary"]]);
  });

  it("is asked again after a change of the schema, also in a transaction", async () => {
    await known();
    await pool.query("create or replace function changing() returns int stable language sql as 'select 1'");
    await known();
    await onPrimary("select changing()");
    expect(lastWrote()).toBe(false);
    const client = await pool.connect();
    await client.query("begin");
    await client.query("create or replace function changing() returns int volatile language sql as 'select touch()'");
    await client.query("commit");
    client.release();
    await known();
    await onPrimary("select changing()");
    expect([await touched(), lastWrote()]).toEqual([1, true]);
  });

  it("rejects with the missing primary, and not with the refusal of a replica", async () => {
    const withoutPrimary: Routing = {
      ...routing,
      checkout(request) {
        if (request.intent === "write") throw new NoPrimaryError("db");
        return routing.checkout(request);
      },
    };
    await expect(routedPool(withoutPrimary).query("select touch()")).rejects.toMatchObject({
      code: "SCALE_NO_PRIMARY",
    });
  });

  it("rejects with its own error, and leaves no transaction open", async () => {
    await known();
    await expect(onPrimary("select touch_sometimes(1 / 0 = 1)")).rejects.toMatchObject({ code: "22012" });
    const client = await routing.writer.pool.connect();
    expect(client.getTransactionStatus()).toBe("I");
    client.release();
  });
});

describe.skipIf(!findPostgres())("after one write", () => {
  it.each(["select label(1)", "select careless(1)"])(
    "a process that only runs %s returns to replicas",
    async (text) => {
      const cluster = await startContacts();
      for (const statement of SCHEMA) await cluster.primary.query(statement);
      const { router } = await routed(cluster);
      const pool = routedPool(router);
      try {
        await pool.query("update contacts set name = 'written' where id = 1");
        const until = performance.now() + 2_000;
        while (performance.now() < until && router.stats().routes.read === 0) await pool.query(text);
        expect(router.stats().routes.read).toBeGreaterThan(0);
        const hasWritten = await router.run({ startFresh: true }, async (session) => {
          await router.primary(() => pool.query(text));
          return session.hasWritten;
        });
        expect(hasWritten).toBe(false);
      } finally {
        await router.close();
        await cluster.stop();
      }
    },
  );
});
