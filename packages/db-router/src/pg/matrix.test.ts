import { type ContactsCluster, findPostgres, startContacts } from "@scale/testkit";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ContactsClient, prismaFor } from "../../scenarios/prisma-client.js";
import { routed, type RoutedCluster } from "../../test/routed.js";
import { routedPool } from "./routed-pool.js";

/** "refused": a replica refuses the statement, and the primary runs it. */
type Served = "replica" | "primary" | "refused";

const matrix: readonly (readonly [Served, string])[] = [
  ["replica", "select 1"],
  ["replica", "select * from contacts where id = 1;"],
  ["replica", "-- delete from contacts\nselect count(*) from contacts"],
  ["replica", "/* insert /* nested */ into contacts */ select 1 /* for update */"],
  ["replica", "select 'update contacts set name = 1; drop table contacts' as text"],
  ["replica", "select E'it\\'s; nextval(\\'tickets\\')' as text"],
  ["replica", "select $$ delete from contacts; $$ || $q$ $$ for update $q$ as text"],
  ["replica", 'select id as "nextval(1)", name as "for update" from contacts limit 1'],
  ["replica", "with a as (select * from contacts), b as materialized (select id from a) select count(*) from b"],
  ["replica", "with recursive n(i) as (values (1) union all select i + 1 from n where i < 5) table n"],
  ["replica", "(select 1) union all ((select 2))"],
  ["replica", "values (1), (2)"],
  ["replica", "table contacts"],
  ["replica", "select substring(name from 1 for 3), now() from contacts limit 1"],
  ["replica", "select c.*, n.body from contacts c join notes n on n.contact_id = c.id order by c.id limit 2"],
  ["replica", "select * from contacts where exists (select 1 from notes where contact_id = contacts.id) limit 1"],
  ["replica", "explain select * from contacts"],
  ["replica", "explain (analyze, format json) select * from contacts"],
  ["replica", "select double_it(2)"],
  ["primary", "insert into contacts (tenant_id, name) values ('x', 'y') returning id"],
  ["primary", "update contacts set name = 'select' where id = 1"],
  ["primary", "delete from contacts where id = -1"],
  ["primary", "with gone as (delete from contacts where id = -1 returning *) select * from gone"],
  ["primary", "with a as (select 1 as id), b as (update contacts set name = name where id = 1) select id from a"],
  ["primary", "merge into contacts using (select -1 as id) s on s.id = contacts.id when matched then delete"],
  ["primary", "select * from contacts where id = 1 for update"],
  ["primary", "select * from contacts where id = 1 FOR /* no */ KEY SHARE"],
  ["primary", "select * from contacts where id = 1 for no key update skip locked"],
  ["primary", "select nextval('tickets')"],
  ["primary", "select setval('tickets', 5000)"],
  ["primary", "select pg_advisory_xact_lock(1)::text"],
  ["primary", "select pg_try_advisory_lock(2), pg_advisory_unlock(2)"],
  ["primary", "select set_config('scale.matrix', '1', true)"],
  ["primary", "select pg_current_xact_id()::text"],
  ["primary", "select pg_notify('matrix', 'x')::text"],
  ["primary", "set scale.matrix = '1'"],
  ["primary", "reset scale.matrix"],
  ["primary", "listen matrix"],
  ["primary", "notify matrix, 'select'"],
  ["primary", "unlisten matrix"],
  ["primary", "show transaction_read_only"],
  ["primary", "explain insert into contacts (tenant_id, name) values ('x', 'y')"],
  ["primary", "explain analyze insert into contacts (tenant_id, name) values ('x', 'y')"],
  ["primary", "select 1; select 2"],
  ["primary", "select 1; delete from contacts where id = -1"],
  ["primary", "begin; insert into contacts (tenant_id, name) values ('x', 'y'); commit"],
  ["primary", "do $$ begin perform 1; end $$"],
  ["primary", "call work()"],
  ["primary", "truncate scratch"],
  ["primary", "select * into copied from contacts"],
  ["primary", "create table if not exists scratch (id int)"],
  ["primary", "select app_touch()"],
  ["refused", "select sneak()"],
  ["refused", "select * from next_ticket"],
  ["refused", "select count(*) from unlogged_things"],
];

const PREPARATION = [
  "create table scratch (id int)",
  "create unlogged table unlogged_things (id int)",
  "create view next_ticket as select nextval('tickets') as ticket",
  "create procedure work() language sql as 'select 1'",
  "create function sneak() returns bigint language sql as $$ select nextval('tickets') $$",
  "create function double_it(int) returns int language sql as 'select $1 * 2'",
  "create function app_touch() returns int language sql as 'select 1'",
];

interface Runner {
  run(text: string): Promise<unknown>;
}

describe.skipIf(!findPostgres())("the routing matrix", () => {
  let cluster: ContactsCluster;
  let on: RoutedCluster;
  let prisma: ContactsClient;
  const runners: Record<string, Runner> = {};
  beforeAll(async () => {
    const [connect, started] = await Promise.all([prismaFor(), startContacts()]);
    cluster = started;
    for (const statement of PREPARATION) await cluster.primary.query(statement);
    await cluster.caughtUp();
    on = await routed(cluster);
    // Each learns by itself which statements a replica refuses.
    const newPool = (): Pool => routedPool(on.router, { volatileFunctions: ["app_touch"] });
    prisma = connect(newPool());
    const db = drizzle({ client: newPool() });
    const pool = newPool();
    runners["pg"] = { run: (text) => pool.query(text) };
    runners["drizzle"] = { run: (text) => db.execute(sql.raw(text)) };
    runners["prisma"] = { run: (text) => prisma.$executeRawUnsafe(text) };
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await on.router.close();
    await cluster.stop();
  });

  async function served(client: string, text: string): Promise<string[]> {
    await cluster.primary.query("drop table if exists copied");
    on.sent.length = 0;
    // A fresh session, independent of the writes of others.
    await on.router.run({ startFresh: true }, async () => runners[client]?.run(text));
    return on.sent.filter((sent) => sent.text === text).map(({ node }) => (node === "primary" ? "primary" : "replica"));
  }

  describe.each(["pg", "drizzle", "prisma"])("through %s", (client) => {
    it.each(matrix)("%s: %s", async (where, text) => {
      expect(await served(client, text)).toEqual(where === "refused" ? ["replica", "primary"] : [where]);
    });
  });
});
