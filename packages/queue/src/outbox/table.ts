import { identifier, quotedTable, type TableOptions } from "../sql/names.js";

export interface OutboxTableOptions extends TableOptions {
  /**
   * Name of the table.
   * @default "scale_outbox"
   */
  readonly table?: string;
}

const DEFAULT_TABLE = "scale_outbox";

/** @returns SQL that creates the table of the outbox, for the application's migrations. It can run more than once. */
export function outboxTables(options: OutboxTableOptions = {}): string {
  const table = options.table ?? DEFAULT_TABLE;
  return `create table if not exists ${outboxTable(options)} (
  -- Order of the writes. It starts again in a new database, so nothing outside of this table refers to it.
  seq bigint generated always as identity primary key,
  -- Identity of the message for its destination.
  id uuid not null,
  kind text collate "C" not null,
  -- The tenant's id; a hash, when that is long or holds what Postgres does not store.
  tenant_id text collate "C" not null,
  tenant_full text,
  topic text,
  -- JSON. Not of type jsonb, which refuses NUL and lone surrogates in strings.
  payload text not null,
  written_at timestamptz not null default clock_timestamp(),
  -- Deliveries that failed for this message alone.
  attempts int not null default 0,
  available_at timestamptz not null default '-infinity',
  last_error text,
  -- When the destination refused the message for good.
  refused_at timestamptz
)
-- Rows live for a moment: vacuum often, so that a poll does not walk over those that are gone.
with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index if not exists ${identifier(`${table.slice(0, 50)}_line`)} on ${outboxTable(options)} (kind, tenant_id, seq)
  where refused_at is null;
`;
}

/** Quoted name of the table for SQL. */
export function outboxTable({ table = DEFAULT_TABLE, ...rest }: OutboxTableOptions): string {
  return quotedTable({ ...rest, table });
}
