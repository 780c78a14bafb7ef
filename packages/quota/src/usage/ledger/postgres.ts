import { StoreError } from "@scale/core";
import { createDeadline, keySegment, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { storable } from "../../postgres/tenant-id.js";
import { ledgerTable, type QuotaTableOptions } from "./table.js";
import type { LedgerAddress, LedgerEntry, LedgerState, LedgerVersion, UsageLedger } from "./types.js";

/** What we use of a `pg` pool or client, or of anything like it. */
export interface LedgerDb {
  query(text: string, params: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface PostgresLedgerOptions extends QuotaTableOptions {
  /** A pool of the application's, on the primary. It stays yours: we never connect or close it. */
  readonly db: LedgerDb;
  /**
   * What `usageLedgerTable` makes.
   * @default "scale_quota_usage"
   */
  readonly table?: string;
  /**
   * Milliseconds within which Postgres must answer.
   * @default 2000
   */
  readonly timeoutMs?: number;
}

const optionsSchema = z.strictObject({
  db: z.custom<LedgerDb>(
    (value) => typeof value === "object" && value !== null && "query" in value && typeof value.query === "function",
    "expected a client with query(text, params)",
  ),
  schema: z.string().optional(),
  table: z.string().optional(),
  timeoutMs: timeoutOption(2000),
});

// Postgres gives bigint as text.
const stateRow = z.object({ epoch: z.string(), units: z.coerce.number(), version: z.coerce.number() });
const entryRow = stateRow.extend({ at: z.coerce.number(), written_at: z.coerce.number() });
const writtenRow = stateRow.extend({ tenant_id: z.string(), metric: z.string(), period: z.string() });

/**
 * Keeps usage in a table of Postgres, one row for each epoch of a count.
 * @returns a ledger whose methods reject with `SCALE_STORE` when Postgres does not answer in time, or with an error, and
 * with `SCALE_TENANT` for an id that Postgres cannot store
 */
export function postgresLedger(options: PostgresLedgerOptions): UsageLedger {
  const { db, timeoutMs } = parseOptions(optionsSchema, options, "postgresLedger");
  const inTime = createDeadline(timeoutMs);
  const { select, upsert } = statements(ledgerTable(options));

  async function ask<T>(row: z.ZodType<T>, text: string, params: unknown[]): Promise<T[]> {
    try {
      const { rows } = await inTime(db.query(text, params), "Postgres, the usage ledger,");
      return rows.map((one) => row.parse(one));
    } catch (cause) {
      throw new StoreError("the usage ledger could not be asked", { cause });
    }
  }

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
      // In the order of the key: two writers that lock the same rows in different orders would stop each other.
      const sorted = states.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      const rows = await ask(writtenRow, upsert, [
        ...columns(sorted),
        sorted.map(({ epoch }) => epoch),
        sorted.map(({ units }) => units),
        sorted.map(({ version }) => version),
      ]);
      const there = new Map(rows.map(({ tenant_id: tenantId, ...row }) => [keyOf({ tenantId, ...row }), row]));
      return states.map((state): LedgerVersion => {
        const { units, version } = there.get(keyOf(state)) ?? state;
        return { units, version };
      });
    },
  };
}

const keyOf = ({ tenantId, metric, period, epoch }: Omit<LedgerState, keyof LedgerVersion>): string =>
  [tenantId, metric, period, epoch].map(keySegment).join(":");

function columns(addresses: readonly LedgerAddress[]): unknown[] {
  return [
    addresses.map(({ tenantId }) => storable(tenantId)),
    addresses.map(({ metric }) => metric),
    addresses.map(({ period }) => period),
  ];
}

function statements(table: string): { select: string; upsert: string } {
  return {
    select: `
      SELECT asked.at, epoch, units, version, extract(epoch from written_at) * 1000 AS written_at
      FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (tenant_id, metric, period, at)
      JOIN ${table} USING (tenant_id, metric, period)`,
    // Written also when a later version is there, as it was: only written rows are returned.
    upsert: `
      INSERT INTO ${table} AS there (tenant_id, metric, period, epoch, units, version)
      SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
      ON CONFLICT (tenant_id, metric, period, epoch) DO UPDATE SET
        units = CASE WHEN there.version < excluded.version THEN excluded.units ELSE there.units END,
        version = greatest(there.version, excluded.version),
        written_at = now()
      RETURNING tenant_id, metric, period, epoch, units, version`,
  };
}
