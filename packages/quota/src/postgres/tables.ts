import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

export interface QuotaTableOptions {
  /**
   * Schema of the table.
   * @default the first schema of the connection's search_path
   */
  readonly schema?: string;
  /**
   * Name of the table.
   * @default "scale_quota_rows"
   */
  readonly table?: string;
}

/** @returns SQL that creates the table of row counters, for the application's migrations. It can run more than once. */
export function quotaTables(options: QuotaTableOptions = {}): string {
  return `create table if not exists ${quotaTable(options)} (
  tenant_id text not null,
  metric text not null,
  -- Units that exist.
  used bigint not null check (used >= 0),
  -- Rises with every change: a correction checks it to see whether the counter changed during the count of the rows.
  version bigint not null default 0,
  changed_at timestamptz not null default now(),
  primary key (tenant_id, metric)
)
-- Free space in each page for the next version of a row, so that a change does not touch the index.
with (fillfactor = 50);
`;
}

/** Quoted name of the table for SQL, whatever characters it contains. */
export function quotaTable({ schema, table = "scale_quota_rows" }: QuotaTableOptions): string {
  return schema === undefined ? identifier(table) : `${identifier(schema)}.${identifier(table)}`;
}

/** Postgres truncates longer names, which would make two names equal. */
const MAX_BYTES = 63;

function identifier(name: unknown): string {
  if (typeof name === "string" && name !== "" && !name.includes("\0") && Buffer.byteLength(name) <= MAX_BYTES) {
    return `"${name.replaceAll('"', '""')}"`;
  }
  throw new ConfigError(`table and schema: expected a name of 1 to ${MAX_BYTES} bytes, got ${describeValue(name)}`);
}
