import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { usageLedgerTable } from "../src/usage/redis/index.js";

export interface LedgerPool {
  readonly pool: Pool;
  readonly url: string;
  /** Units in the ledger of a tenant, or of one of its metrics. */
  written(tenantId: string, metric?: string): Promise<number>;
}

/** Creates a database with the table of the ledger, and a pool on it. */
export async function ledgerPool(server: string, name: string): Promise<LedgerPool> {
  const url = await createDatabase(server, name);
  const pool = new Pool({ connectionString: url, max: 4 });
  await pool.query(usageLedgerTable());
  return {
    pool,
    url,
    async written(tenantId, metric = "%") {
      const text = "select sum(units) as units from scale_quota_usage where tenant_id = $1 and metric like $2";
      return Number((await pool.query(text, [tenantId, metric])).rows[0].units);
    },
  };
}
