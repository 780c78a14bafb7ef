import { createDeadline, keySegment, parseOptions, timeoutOption, withStoreDeadline } from "@scale/core/kit";
import { z } from "zod";
import type { QuotaTableOptions } from "../../postgres/tables.js";
import { postgresTenantId } from "../../postgres/tenant-id.js";
import { ledgerTable } from "./table.js";
import type { LedgerAddress, LedgerEntry, LedgerState, UsageLedger } from "./types.js";

export interface PostgresLedgerOptions extends QuotaTableOptions {
  /** `pg` pool or client on the primary, or an object with the same `query`. The caller connects and closes it. */
  readonly db: { query(text: string, params: unknown[]): Promise<{ readonly rows: readonly unknown[] }> };
  /**
   * Table that `usageLedgerTable` creates.
   * @default "scale_quota_usage"
   */
  readonly table?: string;
  /**
   * Timeout of one statement, in milliseconds.
   * @default 2000
   */
  readonly timeoutMs?: number;
}

const optionsSchema = z.strictObject({
  db: z.custom<PostgresLedgerOptions["db"]>(
    (value) => typeof value === "object" && value !== null && "query" in value && typeof value.query === "function",
    "expected a client with query(text, params)",
  ),
  schema: z.string().optional(),
  table: z.string().optional(),
  timeoutMs: timeoutOption(2000),
});

// Postgres returns bigint as a string.
const stateRow = z.object({ epoch: z.string(), units: z.coerce.number(), version: z.coerce.number() });
const entryRow = stateRow.extend({ at: z.coerce.number(), written_at: z.coerce.number() });
const writtenRow = stateRow.extend({ tenant_id: z.string(), metric: z.string(), period: z.string() });

/**
 * Keeps usage in a table of Postgres, one row for each epoch of a count.
 * Its methods reject with `SCALE_STORE` when Postgres fails or does not answer in time, and with `SCALE_TENANT` for an id
 * that Postgres cannot store. A write that Postgres carries out after its deadline is the same write as its repetition.
 */
export function postgresLedger(options: PostgresLedgerOptions): UsageLedger {
  const { db, timeoutMs } = parseOptions(optionsSchema, options, "postgresLedger");
  const deadline = createDeadline(timeoutMs);
  const { select, upsert } = statements(ledgerTable(options));

  async function query<T>(row: z.ZodType<T>, text: string, params: unknown[]): Promise<T[]> {
    const { rows } = await db.query(text, params);
    return rows.map((one) => row.parse(one));
  }
  const ask = <T>(row: z.ZodType<T>, text: string, params: unknown[]): Promise<T[]> =>
    withStoreDeadline(() => query(row, text, params), deadline, "the usage ledger");

  return {
    async read(addresses) {
      const found = addresses.map((): LedgerEntry[] => []);
      if (addresses.length === 0) return found;
      for (const { at, written_at: writtenAt, ...entry } of await ask(entryRow, select, columns(addresses)))
        found[at - 1]?.push({ ...entry, writtenAt });
      return found;
    },
    async write(states) {
      if (states.length === 0) return [];
      // Sorted by key: two writers that lock the same rows in different orders would deadlock.
      const sorted = states.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      const rows = await ask(writtenRow, upsert, [
        ...columns(sorted),
        sorted.map(({ epoch }) => epoch),
        sorted.map(({ units }) => units),
        sorted.map(({ version }) => version),
      ]);
      const stored = new Map(rows.map(({ tenant_id: tenantId, ...row }) => [keyOf({ tenantId, ...row }), row]));
      return states.map((state) => {
        const { units, version } = stored.get(keyOf(state)) ?? state;
        return { units, version };
      });
    },
  };
}

const keyOf = ({ tenantId, metric, period, epoch }: Omit<LedgerState, "units" | "version">): string =>
  [tenantId, metric, period, epoch].map(keySegment).join(":");

function columns(addresses: readonly LedgerAddress[]): unknown[] {
  return [
    addresses.map(({ tenantId }) => postgresTenantId(tenantId)),
    addresses.map(({ metric }) => metric),
    addresses.map(({ period }) => period),
  ];
}

function statements(table: string): { select: string; upsert: string } {
  return {
    select: `
      SELECT input.at, epoch, units, version, extract(epoch from written_at) * 1000 AS written_at
      FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS input (tenant_id, metric, period, at)
      JOIN ${table} USING (tenant_id, metric, period)`,
    // Updates the row even when it has a later version, and keeps its values then: RETURNING covers updated rows alone.
    upsert: `
      INSERT INTO ${table} AS stored (tenant_id, metric, period, epoch, units, version)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
      ON CONFLICT (tenant_id, metric, period, epoch) DO UPDATE SET
        units = CASE WHEN stored.version < excluded.version THEN excluded.units ELSE stored.units END,
        version = greatest(stored.version, excluded.version),
        written_at = now()
      RETURNING tenant_id, metric, period, epoch, units, version`,
  };
}
