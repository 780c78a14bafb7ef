import { quotaTable, type QuotaTableOptions } from "../../postgres/tables.js";

export type { QuotaTableOptions };

/** The ledger's table as SQL writes it. */
export function ledgerTable({ table = "scale_quota_usage", ...rest }: QuotaTableOptions): string {
  return quotaTable({ ...rest, table });
}

/**
 * @returns SQL that makes the table of the usage ledger, for the application's migrations. It may run again.
 * We delete no row: they are what tenants used, for invoices too. A row with an epoch of your own, such as
 * `credit-2026-11-20`, and negative units gives units back; `reconcile` brings it into the count.
 */
export function usageLedgerTable(options: QuotaTableOptions = {}): string {
  return `create table if not exists ${ledgerTable(options)} (
  tenant_id text not null,
  metric text not null,
  -- The key of the billing period.
  period text not null,
  -- From when Redis had no data of the count until it lost them again. All epochs together are the usage.
  epoch text not null,
  units bigint not null,
  -- Of two states of an epoch the one with the higher version is the later one.
  version bigint not null default 0,
  written_at timestamptz not null default now(),
  primary key (tenant_id, metric, period, epoch)
);
`;
}
