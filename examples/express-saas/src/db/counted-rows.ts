import { tenancy } from "@scale/core";
import { eq } from "drizzle-orm";
import type { RecordSubmission } from "../jobs/submissions.js";
import type { QuotaCounting } from "../quota.js";
import type { Database } from "./client.js";
import { contacts, deals } from "./schema.js";
import { type Row, type TenantRows, tenantRows } from "./tenant-rows.js";

const TABLES = { contacts, deals } as const;
type CountedTable = keyof typeof TABLES;
type Units = Readonly<Partial<Record<CountedTable, number>>>;

/**
 * Rows of a table with a quota. A row and its counter change in one transaction: at the limit exactly one of several
 * concurrent requests gets the last row, and a failure rolls back both.
 * Every transaction locks rows first and the counter last, which avoids deadlocks and keeps the counter lock short.
 */
export function countedRows(db: Database, metric: CountedTable, options: CountedRowsOptions): TenantRows {
  const { quota, onCount, onInsert } = options;
  const table = TABLES[metric];

  async function insert(tx: Database, fields: Row): Promise<{ row: Row; used: number | undefined; plan: string }> {
    const row = await tenantRows(tx, table).insert(fields);
    await onInsert(tx, metric, row);
    // Throws when the quota is exhausted, which rolls back the insert.
    const units: Units = { [metric]: 1 };
    const { metrics } = await quota.use(tenancy.require().tenantId, units, { tx, written: true });
    const { used, plan } = metrics[metric];
    return { row, used, plan };
  }

  /** Also removes the deals of a contact: a cascading delete would not update their counter. */
  async function remove(tx: Database, id: number): Promise<Removed | undefined> {
    const rows = tenantRows(tx, table);
    if (!(await rows.lock(id))) return undefined;
    const owned = metric === "contacts" ? await tenantRows(tx, deals).removeAll(eq(deals.contactId, id)) : 0;
    const row = await rows.remove(id);
    const units: Units = { [metric]: 1, ...(owned > 0 && { deals: owned }) };
    return { row, counts: Object.values(await quota.giveBack(tenancy.require().tenantId, units, { tx })) };
  }

  return {
    ...tenantRows(db, table),
    async insert(fields) {
      const { row, ...count } = await db.transaction((tx) => insert(tx, fields));
      onCount({ tenantId: tenancy.require().tenantId, metric, ...count });
      return row;
    },
    async remove(id) {
      const removed = await db.transaction((tx) => remove(tx, id));
      for (const { metric: name, used } of removed?.counts ?? []) {
        onCount({ tenantId: tenancy.require().tenantId, metric: name as CountedTable, plan: undefined, used });
      }
      return removed?.row;
    },
  };
}

export interface CountedRowsOptions extends QuotaCounting {
  /** Called in the transaction of each insert. */
  readonly onInsert: RecordSubmission;
}

interface Removed {
  readonly row: Row | undefined;
  readonly counts: readonly { readonly metric: string; readonly used: number | undefined }[];
}
