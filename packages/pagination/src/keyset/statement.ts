import { reverseOrder } from "../order.js";
import { rowsToRead } from "../page.js";
import { orderTokens, type SqlToken, positionTokens, scanOf, keysetRanges, keysetCondition } from "./keyset.js";
import type { PageArgs } from "../types.js";
import { CHECKED_ROWS, unreachableRows } from "./unreachable.js";
import { createWriter, type SqlFragment } from "./writer.js";

/** The list to page through. The strings are SQL of the application: never put a value of a request into them. */
export interface SqlList {
  /** SQL after `from`: a table, or joined tables. */
  readonly from: string;
  /** Condition for the rows of the list, such as the tenant's: `{ text: "tenant_id = $1", values: [tenantId] }`. */
  readonly where?: SqlFragment;
}

/** Columns that a page statement adds to those of the list. */
export const POSITION = "scale_page_position";
const BRANCH = "scale_page_branch";
const ROW = "scale_page_row";
const KEY = "scale_page_key_";
export const isAddedColumn = (column: string): boolean =>
  [POSITION, BRANCH, ROW].includes(column) || column.startsWith(KEY);

export interface PageSelect extends SqlList {
  readonly select: string;
  /** True if `select` may give an expression the name of a key. */
  readonly renames: boolean;
}

/** The statement of a page; its rows have the order of `scanOf(args)`. */
export function pageStatement(args: PageArgs, { from, where, select, renames }: PageSelect): SqlFragment {
  const { keys, from: position, until } = scanOf(args);
  const { write, values } = createWriter(where?.values ?? []);
  // `order by "at"` prefers an expression selected as "at" over the column, so keys get aliases of their own.
  const named = renames ? keys.map((key, i) => `, ${write([{ column: key }])} as "${KEY}${i}"`).join("") : "";
  const order = write(orderTokens(renames ? keys.map((key, i) => ({ ...key, column: `${KEY}${i}` })) : keys));
  const limit = `limit ${rowsToRead(args)}${args.offset > 0 ? ` offset ${args.offset}` : ""}`;
  const always = [
    // With a line break, so that a comment at the end of the condition ends there.
    ...(where === undefined ? [] : [`(${where.text}\n)`]),
    ...(until === undefined ? [] : [`(${write(keysetCondition(reverseOrder(keys), until))})`]),
  ];
  const read = (more: string, columns: string): string =>
    `select ${select}\n, ${write(positionTokens(keys))} as "${POSITION}"${named}${columns} from ${from}\n${whereOf([...always, more])} order by ${order} ${limit}`;

  const branches: readonly SqlToken[][] = position === undefined ? [[]] : keysetRanges(keys, position);
  const [only, ...others] = branches;
  if (only !== undefined && others.length === 0) return { text: read(write(only), ""), values };
  const row = `row_number() over (order by ${write(orderTokens(keys))}) as "${ROW}"`;
  const selects = branches.map((branch, i) => `(${read(write(branch), `, ${i} as "${BRANCH}", ${row}`)})`);
  return { text: `${selects.join(" union all ")} order by "${BRANCH}", "${ROW}" ${limit}`, values };
}

/**
 * A statement that returns a row if the list has rows that no page can return.
 * @param rowsRead rows that the page statement returned
 * @returns `undefined` for a page that does not end a walk
 */
export function unreachableStatement(
  args: PageArgs,
  { from, where }: SqlList,
  rowsRead: number,
): SqlFragment | undefined {
  const search = unreachableRows(args, rowsRead);
  if (search === undefined) return undefined;
  const { write, values } = createWriter(where?.values ?? []);
  const list = where === undefined ? [] : [`(${where.text}\n)`];
  const others = search.others.map((column, i) => `${write([column])} as "${KEY}${i}"`);
  const isNull = others.map((_, i) => `"${KEY}${i}" is null`).join(" or ");
  const rows = (columns: string, conditions: readonly string[], limit: number): string =>
    `select ${columns} from ${from}\n${whereOf(conditions)} limit ${limit}`;
  const searches = [
    ...(search.first === undefined ? [] : [`exists (${rows("1", [...list, write(search.first)], 1)})`]),
    ...(others.length === 0
      ? []
      : [`exists (select 1 from (${rows(others.join(", "), list, CHECKED_ROWS)}) as "${ROW}" where ${isNull})`]),
  ];
  return searches.length === 0 ? undefined : { text: `select 1 as "value" where ${searches.join(" or ")}`, values };
}

/** The statement of a total, with the only column `value`. */
export function totalStatement(kind: "exact" | "estimated", { from, where }: SqlList): SqlFragment {
  const rows = `from ${from}\n${whereOf(where === undefined ? [] : [`(${where.text}\n)`])}`;
  const text = kind === "exact" ? `select count(*)::text as "value" ${rows}` : `explain (format json) select 1 ${rows}`;
  return { text, values: where?.values ?? [] };
}

function whereOf(conditions: readonly string[]): string {
  const all = conditions.filter((one) => one !== "");
  return all.length === 0 ? "" : `where ${all.join(" and ")}`;
}
