import { reversed } from "../order.js";
import { rowsToRead } from "../page.js";
import { orderPieces, type Piece, positionPieces, scanOf, seekBranches, seekCondition } from "./keyset.js";
import type { PageArgs } from "../types.js";
import { createWriter, type SqlText } from "./writer.js";

/** The list that pages are read of. The texts are SQL of the application: nothing of a request belongs in them. */
export interface SqlList {
  /** What stands after `from`: a table, or tables joined. */
  readonly from: string;
  /** The rows of the list, those of the tenant: `{ text: "tenant_id = $1", values: [tenantId] }`. */
  readonly where?: SqlText;
}

/** Columns that a page's statement has beside those of the list. */
export const POSITION = "scale_page_position";
const BRANCH = "scale_page_branch";
const ROW = "scale_page_row";
const KEY = "scale_page_key_";
export const isAdded = (column: string): boolean => [POSITION, BRANCH, ROW].includes(column) || column.startsWith(KEY);

export interface SelectedList extends SqlList {
  readonly select: string;
  /** Whether `select` may give something the name of a key. */
  readonly renames: boolean;
}

/** One statement for one page, its rows in the order of `scanOf(args)`. */
export function pageStatement(args: PageArgs, { from, where, select, renames }: SelectedList): SqlText {
  const { keys, from: position, until } = scanOf(args);
  const { write, values } = createWriter(where?.values ?? []);
  // `order by "at"` means what is selected as "at", if there is such a thing, and not the column: keys get names of their own.
  const named = renames ? keys.map((key, i) => `, ${write([{ column: key }])} as "${KEY}${i}"`).join("") : "";
  const order = write(orderPieces(renames ? keys.map((key, i) => ({ ...key, column: `${KEY}${i}` })) : keys));
  const limit = `limit ${rowsToRead(args)}${args.offset > 0 ? ` offset ${args.offset}` : ""}`;
  const always = [
    // On a line of its own, so that a comment at its end ends there.
    ...(where === undefined ? [] : [`(${where.text}\n)`]),
    ...(until === undefined ? [] : [`(${write(seekCondition(reversed(keys), until))})`]),
  ];
  const read = (more: string, columns: string): string =>
    `select ${select}\n, ${write(positionPieces(keys))} as "${POSITION}"${named}${columns} from ${from}\n${whereOf([...always, more])} order by ${order} ${limit}`;

  const branches: readonly Piece[][] = position === undefined ? [[]] : seekBranches(keys, position);
  const [only, ...others] = branches;
  if (only !== undefined && others.length === 0) return { text: read(write(only), ""), values };
  const row = `row_number() over (order by ${write(orderPieces(keys))}) as "${ROW}"`;
  const selects = branches.map((branch, i) => `(${read(write(branch), `, ${i} as "${BRANCH}", ${row}`)})`);
  return { text: `${selects.join(" union all ")} order by "${BRANCH}", "${ROW}" ${limit}`, values };
}

/** One column, `value`. */
export function totalStatement(kind: "exact" | "estimated", { from, where }: SqlList): SqlText {
  const rows = `from ${from}\n${whereOf(where === undefined ? [] : [`(${where.text}\n)`])}`;
  const text = kind === "exact" ? `select count(*)::text as "value" ${rows}` : `explain (format json) select 1 ${rows}`;
  return { text, values: where?.values ?? [] };
}

function whereOf(conditions: readonly string[]): string {
  const all = conditions.filter((one) => one !== "");
  return all.length === 0 ? "" : `where ${all.join(" and ")}`;
}
