import { identifier, quotedTable, type TableOptions } from "../sql/names.js";

export interface OnceTableOptions extends TableOptions {
  /**
   * Name of the table.
   * @default "scale_once"
   */
  readonly table?: string;
}

const DEFAULT_TABLE = "scale_once";

/** @returns SQL that creates the table of the run-once ledger, for the application's migrations. It can run more than once. */
export function onceTables(options: OnceTableOptions = {}): string {
  const name = options.table ?? DEFAULT_TABLE;
  return `create table if not exists ${onceTable(options)} (
  tenant_id text collate "C" not null,
  key text collate "C" not null,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, key)
);
create index if not exists ${identifier(`${name.slice(0, 50)}_age`)} on ${onceTable(options)} (recorded_at);
`;
}

/** Quoted name of the table for SQL. */
export function onceTable({ table = DEFAULT_TABLE, ...rest }: OnceTableOptions): string {
  return quotedTable({ ...rest, table });
}
