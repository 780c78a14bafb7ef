import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** Runs one statement with text parameters and gives its rows. What its client throws comes through. */
export type Run = (text: string, params: readonly string[]) => Promise<readonly unknown[]>;

/** One row of the table of counters, as far as a statement asked for it. */
export interface CounterRow {
  readonly metric: string;
  readonly used: number;
  readonly version: number;
  /** Milliseconds since the epoch by the database's clock; 0 when it was not asked for. */
  readonly asOf: number;
}

export function parseCounter(row: unknown): CounterRow {
  if (typeof row !== "object" || row === null || !("metric" in row) || !("used" in row) || !("version" in row)) {
    throw new StoreError(`the table of quota counters answered ${describeValue(row)}`);
  }
  const asOf = "as_of" in row ? row.as_of : 0;
  return { metric: String(row.metric), used: whole(row.used), version: whole(row.version), asOf: whole(asOf) };
}

// A bigint of the database is a text in pg and Drizzle, a bigint in Prisma.
function whole(value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new StoreError(`the table of quota counters: expected a whole number, got ${describeValue(value)}`);
}
