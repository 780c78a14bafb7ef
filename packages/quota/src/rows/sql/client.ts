import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** Runs one statement with string parameters and returns its rows. Errors of the client pass through unchanged. */
export type RunStatement = (text: string, params: readonly string[]) => Promise<readonly unknown[]>;

/** One row of the table of counters, with the columns that the statement selected. */
export interface CounterRow {
  readonly metric: string;
  readonly used: number;
  readonly version: number;
  /** Time by the database's clock, in milliseconds since the epoch; 0 when the statement did not select it. */
  readonly asOf: number;
}

export function parseCounter(row: unknown): CounterRow {
  if (typeof row !== "object" || row === null || !("metric" in row) || !("used" in row) || !("version" in row)) {
    throw new StoreError(`table of quota counters: expected a counter, got ${describeValue(row)}`);
  }
  const asOf = "as_of" in row ? row.as_of : 0;
  return { metric: String(row.metric), used: integer(row.used), version: integer(row.version), asOf: integer(asOf) };
}

// A bigint column is a string in pg and Drizzle, and a bigint in Prisma.
function integer(value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new StoreError(`table of quota counters: expected an integer, got ${describeValue(value)}`);
}
