import { type PostgresCluster, startPostgres } from "@scale/testkit";
import { asc, definePage, desc, type PageDefinition } from "@scale/pagination";
import { Pool } from "pg";

export const TENANT = "acme";
/** Rows of a page. */
export const SIZE = 20;

/** Orders of the list, each with the index that serves it. */
export const ORDERS = {
  "one direction": { by: [desc("created_at"), desc("id")], index: "created_at desc, id desc" },
  "two directions": { by: [desc("created_at"), asc("id")], index: "created_at desc, id" },
  "a column with nulls": {
    by: [asc("score", { nulls: "last" }), desc("id")],
    index: "score nulls last, id desc",
  },
} as const;

export type OrderName = keyof typeof ORDERS;

export const orderNames = Object.keys(ORDERS) as OrderName[];

export const page: PageDefinition = definePage({
  by: Object.fromEntries(orderNames.map((name) => [name, ORDERS[name].by])),
  secret: "signs the cursors of the bench and nothing else",
  maxSize: SIZE,
  defaultSize: SIZE,
  maxOffset: 1_000_000,
  timeoutMs: 120_000,
});

export interface Table {
  readonly db: Pool;
  readonly rows: number;
  close(): Promise<void>;
}

/** Rows of one tenant, 200 bytes each, in a table that fits in memory, so that OFFSET does not wait for a disk. */
export async function makeTable(rows: number): Promise<Table> {
  const cluster: PostgresCluster = await startPostgres({ settings: { shared_buffers: "512MB", max_wal_size: "4GB" } });
  const db = new Pool({ connectionString: cluster.url, max: 1 });
  const close = async (): Promise<void> => {
    await db.end();
    await cluster.stop();
  };
  try {
    await db.query(`create table items (
      id bigint primary key, tenant_id text not null, created_at timestamptz not null, score int, title text not null
    )`);
    // About ten rows per millisecond, microseconds apart, not in the order of the ids. A fifth of the rows has no score.
    await db.query(
      `insert into items select i, $1, timestamptz '2026-01-31 09:00Z' + ((i * 7919) % $2) * interval '97 microseconds',
       nullif(i % 5000, 0) + case when i % 5 = 0 then null else 0 end, repeat(md5(i::text), 4)
       from generate_series(1, $2::bigint) i`,
      [TENANT, rows],
    );
    for (const name of orderNames) await db.query(`create index on items (tenant_id, ${ORDERS[name].index})`);
    await db.query("vacuum analyze items");
  } catch (error) {
    await close();
    throw error;
  }
  return { db, rows, close };
}
