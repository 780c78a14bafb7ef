import { quotaTable, type QuotaTableOptions } from "../../postgres/tables.js";

/** Quoted name of the ledger's table for SQL. */
export function ledgerTable({ table = "scale_quota_usage", ...rest }: QuotaTableOptions): string {
  return quotaTable({ ...rest, table });
}

/**
 * No row is ever deleted: the rows are the tenants' usage, also for invoices. A credit is a row with the epoch
 * `credit:<id>` and negative units.
 * @returns SQL that creates the table of the usage ledger, for the application's migrations. It can run more than once.
 */
export function usageLedgerTable(options: QuotaTableOptions = {}): string {
  return `create table if not exists ${ledgerTable(options)} (
  tenant_id text not null,
  metric text not null,
  -- Key of the billing period.
  period text not null,
  -- Begins when Redis gets a count it had no data of, ends when Redis loses it. The usage is the sum of all epochs.
  epoch text not null,
  units bigint not null,
  -- Two states of the same epoch: the higher version is later.
  version bigint not null default 0,
  written_at timestamptz not null default now(),
  primary key (tenant_id, metric, period, epoch)
);
`;
}
