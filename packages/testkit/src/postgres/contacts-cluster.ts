import { type PostgresCluster, startPostgres } from "./cluster.js";
import type { PostgresNode } from "./node.js";

/** A primary with two replicas that have a table of contacts with rows 1 to 100. */
export interface ContactsCluster extends PostgresCluster {
  readonly replicas: readonly [PostgresNode, PostgresNode];
}

const SCHEMA = `
create table contacts (id serial primary key, tenant_id text not null, name text not null);
create table notes (id serial primary key, contact_id int not null references contacts, body text not null);
insert into contacts (tenant_id, name) select 'acme', 'contact ' || n from generate_series(1, 100) n;
insert into notes (contact_id, body) select n, 'note ' || n from generate_series(1, 100) n;
create sequence tickets`;

export async function startContacts(): Promise<ContactsCluster> {
  const cluster = await startPostgres({ replicas: 2, fresh: true });
  for (const statement of SCHEMA.split(";")) await cluster.primary.query(statement);
  await cluster.caughtUp();
  const [r1, r2] = cluster.replicas;
  if (r1 === undefined || r2 === undefined) throw new Error("two replicas were asked for");
  return { ...cluster, replicas: [r1, r2] };
}
