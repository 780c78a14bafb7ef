import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { parsePosition, type PositionedRow } from "../page.js";
import type { PageArgs } from "../types.js";
import { isAddedColumn, POSITION } from "./statement.js";

/** A row as the client returns it. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Splits a row of a page statement into the columns of the list and the position. */
export function positionedRow(row: unknown, args: PageArgs): PositionedRow<SqlRow> {
  if (typeof row !== "object" || row === null) throw new StoreError(`expected a row, got ${describeValue(row)}`);
  const fields = Object.entries(row).filter(([name]) => !isAddedColumn(name));
  const position = parsePosition(Reflect.get(row, POSITION), args);
  // `fromEntries` makes own fields, also of a column named `__proto__`.
  return { item: Object.fromEntries(fields), position };
}
