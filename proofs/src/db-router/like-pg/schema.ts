import type { PostgresNode } from "@scale/testkit";
import { ROWS } from "./programs.js";

const FUNCTIONS = [
  // Declared, so that the catalogue says that it writes nothing.
  "create function like_pg_label(int) returns text stable language sql as $$ select 'label ' || $1 $$",
  // Volatile by default, although it only reads.
  "create function like_pg_careless(int) returns int language sql as 'select $1 * 2'",
  `create function like_pg_bump(list text, row_id int) returns int language plpgsql as $$
    declare result int;
    begin
      execute format('update %I set n = n + 1 where id = $1 returning n', list) into result using row_id;
      return result;
    end $$`,
  // Writes the first time only.
  `create function like_pg_ensure(list text, row_id int) returns int language plpgsql as $$
    declare result int;
    begin
      execute format('select n from %I where id = $1', list) into result using row_id;
      if result is null then
        execute format('insert into %I (id, v, n) values ($1, ''ensured'', $1) returning n', list) into result using row_id;
      end if;
      return result;
    end $$`,
];

export async function createFunctions(primary: PostgresNode): Promise<void> {
  for (const text of FUNCTIONS) await primary.query(text);
}

export async function createTables(primary: PostgresNode, names: readonly string[]): Promise<void> {
  const create = names.map(
    (name) =>
      `create table ${name} (id int primary key, v text not null, n int not null);
       insert into ${name} select i, 'row ' || i, i from generate_series(1, ${ROWS}) i;`,
  );
  // Statistics, so that both sides have the same plans.
  await primary.query(`do $$ begin ${create.join("\n")} end $$`);
}
