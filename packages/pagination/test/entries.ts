import { createDatabase, seededRandom } from "@scale/testkit";
import { Pool } from "pg";
import { asc, definePage, desc, type Order, type PageDefinition } from "../src/index.js";

export const SEED = 20_261_120;
export const ROWS = 3000;
export const SECRET = "a secret of the tests, long enough to sign";
export const TENANT = "acme";

const TABLE = `create table entries (
  tenant_id text not null,
  id bigint not null,
  created_at timestamptz not null,
  score integer,
  amount numeric(12, 2),
  name text not null,
  pinned boolean not null,
  primary key (tenant_id, id)
)`;

/** Equal and different directions, nulls first and last, in the first key and in later ones. */
export const orders: Readonly<Record<string, Order>> = {
  newest: [desc("created_at"), desc("id")],
  oldest: [asc("created_at"), asc("id")],
  mixed: [desc("created_at"), asc("id")],
  alternating: [desc("pinned"), asc("name"), desc("created_at"), asc("id")],
  nullsLast: [desc("created_at"), asc("score", { nulls: "last" }), desc("id")],
  nullsFirst: [asc("score", { nulls: "first" }), desc("name"), desc("id")],
  nullsLead: [desc("score", { nulls: "last" }), asc("id")],
  nullsTwice: [asc("amount", { nulls: "last" }), desc("score", { nulls: "first" }), asc("id")],
};

export const entryPages: PageDefinition = definePage({ by: orders, secret: SECRET, maxSize: 500, maxOffset: 10_000 });

export interface Entries {
  readonly pool: Pool;
  /** Adds rows with keys that other rows have too. */
  insert(count: number, tenantId?: string): Promise<void>;
  remove(count: number): Promise<void>;
  /** Returns every id of the tenant, sorted by the database in one query. */
  sorted(order: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Creates a database with the table, 3,000 rows of the tenant and 3,000 of another one. */
export async function makeEntries(server: string, name: string): Promise<Entries> {
  const pool = new Pool({ connectionString: await createDatabase(server, name), max: 4 });
  await pool.query(TABLE);
  const random = seededRandom(SEED);
  const below = (count: number): number => Math.floor(random() * count);
  let made = 0;

  async function insert(count: number, tenantId = TENANT): Promise<void> {
    const rows = Array.from({ length: count }, () => {
      // Above 2^53, where JavaScript cannot represent every second integer, and in random order.
      const id = 2n ** 53n + BigInt(below(2 ** 30)) * 100_000n + BigInt(made++);
      return {
        tenant_id: tenantId,
        id: String(id),
        // Two or three rows share each microsecond, and thirty a millisecond.
        created_at: `2026-01-31T09:00:00.${String(below(2000) * 37).padStart(6, "0")}+00:00`,
        score: below(4) === 0 ? null : below(50),
        amount: below(3) === 0 ? null : `${below(200)}.${below(2) * 50}`,
        name: NAMES[below(NAMES.length)],
        pinned: below(10) === 0,
      };
    });
    await pool.query("insert into entries select * from json_populate_recordset(null::entries, $1)", [
      JSON.stringify(rows),
    ]);
  }

  await insert(ROWS);
  await insert(ROWS, "globex");
  return {
    pool,
    insert,
    async remove(count) {
      const chosen = "select id from entries where tenant_id = $1 order by md5(id::text || $2) limit $3";
      await pool.query(`delete from entries where id in (${chosen})`, [TENANT, String(random()), count]);
    },
    sorted: (order) => ids(pool, ORDER_BY[order] ?? ""),
    close: () => pool.end(),
  };
}

const NAMES = ["", "a", "A", "b", "\u00e4", "z'; drop table entries; --", "\u{1f600}", '"quoted"', "ab", "a b"];

/** The expected meaning of the orders above, written by hand. */
const ORDER_BY: Readonly<Record<string, string>> = {
  newest: "created_at desc, id desc",
  oldest: "created_at, id",
  mixed: "created_at desc, id",
  alternating: "pinned desc, name, created_at desc, id",
  nullsLast: "created_at desc, score nulls last, id desc",
  nullsFirst: "score nulls first, name desc, id desc",
  nullsLead: "score desc nulls last, id",
  nullsTwice: "amount nulls last, score desc nulls first, id",
};

async function ids(pool: Pool, orderBy: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`select id from entries where tenant_id = $1 order by ${orderBy}`, [
    TENANT,
  ]);
  return rows.map(({ id }) => id);
}
