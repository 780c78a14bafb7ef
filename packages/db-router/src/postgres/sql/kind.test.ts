import { describe, expect, it } from "vitest";
import { createClassifier } from "./classifier.js";
import { kindOf, type StatementKind } from "./kind.js";

const cases: readonly (readonly [StatementKind, readonly string[]])[] = [
  [
    "read",
    [
      "select 1",
      "SELECT * FROM contacts WHERE name = $1;",
      "  -- delete from contacts\n select 1",
      "/* update /* nested */ contacts */ select 1 /* ; drop */",
      "select 'delete from contacts; --' as text",
      "select E'it\\'s; delete from contacts'",
      "select 'it''s', U&'d\\0061ta', B'01', x'ff', N'n'",
      "select $$ ; delete from contacts $$, $tag$ $$ ; nextval('s') $tag$",
      'select "delete", "for update" from "select into"',
      'select "a""; delete" from t',
      "with a as (select 1) select * from a",
      "with recursive a as materialized (select 1 union all select 2) table a",
      "(select 1) union ((select 2))",
      "values (1), (2)",
      "table contacts",
      "select substring(name from 1 for 3) from contacts",
      "select count(*) filter (where id in (1, 2)) over (partition by name) from contacts",
      "explain select 1",
      "explain (analyze, format json) select 1",
      "explain analyze verbose (select 1)",
      "explain (select 1)",
      "select a$b$c from t where x$y = '$y'",
      "select 1e5, 0xff, $1::int from t;;",
      "select pg_sleep(1), inet_server_port()",
      "select updated_at, deleted, inserted_by, share from t",
      ";select 1",
      "with w (a, b) as (select 1, 2) select * from w",
      "with recursive w (a) as (select 1) select * from w",
      "select * from unnest(array[1]) as u (x)",
      "select * from (values (1)) as v(a)",
    ],
  ],
  [
    "call",
    [
      "select touch(1)",
      'select app."Touch" (1)',
      "select * from find_contacts('x')",
      "explain analyze select touch(1)",
      "select distinct on (id) touch(id) from contacts",
      "select 1 as touched, touch(1)",
    ],
  ],
  [
    "session",
    [
      "",
      " -- nothing\n;",
      "BEGIN",
      "start transaction read only",
      "commit;",
      "rollback to savepoint a",
      "set search_path = 'a;b'",
      "show transaction_read_only",
      "listen jobs",
      "discard all",
      "deallocate all",
      "declare c cursor for select 1",
      "declare c scroll cursor with hold for select * from contacts where name = 'x'",
      "commit and chain",
      "rollback",
      "fetch 10 from c",
      "lock contacts",
      "explain insert into contacts values (1)",
      "explain (verbose, costs off) delete from contacts",
    ],
  ],
  [
    "write",
    [
      "insert into contacts values (1) returning id",
      "update contacts set name = ''",
      "delete from contacts",
      "merge into contacts using t on true when matched then do nothing",
      "with gone as (delete from contacts returning *) select * from gone",
      "with a as (select 1), b as (insert into t select * from a) table b",
      "select * into copy from contacts",
      "select * from contacts for update",
      "select * from contacts for no key update skip locked",
      "select * from contacts FOR /* why */ KEY share",
      "select * from contacts for share of contacts",
      "select substring(name for nextval('tickets')) from contacts",
      "select nextval('tickets')",
      "select pg_catalog . nextval ('tickets')",
      "select \"nextval\"('tickets')",
      "select U&\"nextv\\0061l\"('tickets')",
      "select ('tickets'::regclass).nextval",
      "select * from setval('tickets', 1)",
      "select pg_advisory_lock(1)",
      "select pg_try_advisory_xact_lock(1)",
      "select set_config('a.b', 'c', false)",
      "select txid_current()",
      "select pg_notify('jobs', '')",
      "select lo_creat(-1)",
      "select dblink_exec('dbname=app', 'delete from contacts')",
      "select pg_terminate_backend(1)",
      "select pg_current_wal_insert_lsn()",
      "select 1; delete from contacts",
      "select 1; select 2",
      "begin; select 1; commit",
      "set a.b = 1; select 1",
      "select 1 /* ; */ ; -- x\n delete from contacts",
      "select E'\\' || '; delete from contacts; --'",
      "select E'a'\n'b\\'' , nextval('tickets') --'",
      "select 'open",
      "select $a$ open $b$",
      "select /* open",
      'select "open',
      "explain analyze insert into contacts values (1)",
      "explain (analyze) with a as (delete from contacts returning *) select * from a",
      "explain create table copy as select * from contacts",
      "explain analyze create table copy as select * from contacts",
      "explain (analyze, verbose) execute plan",
      "explain select 1; delete from contacts",
      "create table t (id int)",
      "truncate contacts",
      "call work()",
      "do $$ begin end $$",
      "copy contacts from stdin",
      "copy (select 1) to stdout",
      "prepare p as select 1",
      "execute p",
      "notify jobs",
      "refresh materialized view totals",
      "vacuum",
      "nonsense",
      "commit prepared 'a'",
      "COMMIT /* x */ Prepared 'a'",
      "rollback prepared 'a'",
      "commit; delete from contacts",
      "declare c cursor for select touch(1)",
      "declare c cursor for select 1; delete from contacts",
      'explain ("analyze") insert into contacts values (1)',
      "'text'",
    ],
  ],
];

describe("kindOf", () => {
  for (const [kind, texts] of cases) {
    it.each(texts)(`classifies as ${kind}: %s`, (text) => {
      expect(kindOf(text)).toBe(kind);
    });
  }
});

describe("createClassifier", () => {
  it("recognises volatile functions of the application in any schema and case", () => {
    const classify = createClassifier(["app.Touch", "audit"]);
    const texts = ["select TOUCH(1)", "select x.audit()", "with a as (delete from t returning *) table a"];
    expect(texts.map(classify)).toEqual(["write", "write", "write"]);
    expect(classify("select other(1)")).toBe("call");
  });

  it("returns the same kind after any number of other statements", () => {
    const classify = createClassifier();
    const ask = (): unknown => [classify("select 1"), classify("delete from t"), classify("begin")];
    const first = ask();
    for (let i = 0; i < 5_000; i++) expect(classify(`select ${i} from t`)).toBe("read");
    expect(classify(`select '${"x".repeat(20_000)}'`)).toBe("read");
    expect(ask()).toEqual(first);
  });
});
