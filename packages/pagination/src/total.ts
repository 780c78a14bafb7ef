import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { fieldOf } from "./field.js";
import type { Total, TotalKind } from "./types.js";

/**
 * Reads the only column of the only row: a count as text, or a plan as JSON, of which the rows that the planner expects
 * are taken. Those come from the statistics that ANALYZE keeps, scaled to the present size of the table.
 */
export function parseTotal(kind: TotalKind, rows: readonly unknown[]): Total {
  const value = kind === "exact" ? firstOf(rows[0]) : plannedRows(firstOf(rows[0]));
  const number = Number(value);
  if (value !== undefined && Number.isSafeInteger(number)) return { value: number, exact: kind === "exact" };
  throw new StoreError(`expected the number of rows, got ${describeValue(rows[0])}`);
}

const firstOf = (row: unknown): unknown =>
  typeof row === "object" && row !== null ? (Object.values(row)[0] as unknown) : undefined;

function plannedRows(answer: unknown): unknown {
  const plans: unknown = typeof answer === "string" ? JSON.parse(answer) : answer;
  const [first] = Array.isArray(plans) ? (plans as unknown[]) : [];
  return fieldOf(fieldOf(first, "Plan"), "Plan Rows");
}
