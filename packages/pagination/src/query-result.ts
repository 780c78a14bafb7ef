import { ConfigError, InputError, StoreError } from "@scale/core";
import { type Deadline, describeValue, withStoreDeadline } from "@scale/core/kit";
import type { PageArgs, Position, Total, TotalKind } from "./types.js";

/**
 * Waits for a query up to the deadline.
 * @throws {StoreError} with the error of the client, or the TimeoutError, as its cause
 */
export function awaitQuery<T>(
  { deadline }: { readonly deadline: Deadline },
  query: PromiseLike<T>,
  what = "the database",
): Promise<T> {
  return withStoreDeadline(() => query, deadline, what);
}

/** Runs the statement of a page. */
export interface PageReader {
  /** Resolves to rows, or an object with them. */
  read(args: PageArgs): PromiseLike<unknown>;
  positionOf(row: unknown): Position;
}

/**
 * Reads the rows of a page up to the deadline.
 * @throws {InputError} with `SCALE_CURSOR` when a column cannot read a value of a cursor: the cursor is of a list whose keys
 * have the same names and other types, or older than a change of a column's type
 * @throws {ConfigError} when a column cannot read its own values, which no client can change
 */
export async function readPage(args: PageArgs, reader: PageReader): Promise<readonly unknown[]> {
  return rowsOf(await awaitPageQuery(args, reader));
}

async function awaitPageQuery(args: PageArgs, reader: PageReader): Promise<unknown> {
  try {
    return await awaitQuery(args, reader.read(args));
  } catch (error) {
    const cursors = (["after", "before"] as const).filter((name) => args[name] !== undefined);
    if (cursors.length === 0 || !isUnreadable(fieldOf(error, "cause"))) throw error;
    if (await isUnreadableByItself(args, reader)) {
      const columns = args.keys.map(({ column }) => column).join(", ");
      throw new ConfigError(
        `the order "${args.order}": expected keys whose type reads its own text, got another type in ${columns}; set type, for example asc("owner", { type: "regclass" }), or use another column`,
        { cause: error },
      );
    }
    throw new InputError(
      `${cursors.join(" and ")}: expected values that the keys of this list can have; start from the first page`,
      { code: "SCALE_CURSOR", cause: error },
    );
  }
}

/** True when the keys of the first row of the list are not accepted as a position either. */
async function isUnreadableByItself(args: PageArgs, { read, positionOf }: PageReader): Promise<boolean> {
  const first = {
    ...args,
    after: undefined,
    before: undefined,
    backward: false,
    size: 1,
    keepLast: undefined,
    offset: 0,
  };
  try {
    const [row] = rowsOf(await awaitQuery(args, read(first)));
    if (row !== undefined) await awaitQuery(args, read({ ...first, after: positionOf(row) }));
    return false;
  } catch (error) {
    // In a transaction that has failed no statement answers: the first error is what is known.
    return isUnreadable(fieldOf(error, "cause"));
  }
}

/** Paths to the error code of the server in errors of `pg`, Drizzle and Prisma. */
const CODES = [["code"], ["cause", "code"], ["meta", "driverAdapterError", "cause", "originalCode"]];

/** Codes for a value that is not of its type, or out of its range. Source: PostgreSQL, appendix A, class 22 */
const UNREADABLE = new Set<unknown>(["22P02", "22003", "22007", "22008"]);

const isUnreadable = (error: unknown): boolean => CODES.some((path) => UNREADABLE.has(path.reduce(fieldOf, error)));

/**
 * Returns the rows of a result: some clients return a list, others an object with the list.
 * @throws {StoreError} for a result without rows
 */
export function rowsOf(result: unknown): readonly unknown[] {
  const rows = Array.isArray(result) ? result : fieldOf(result, "rows");
  if (Array.isArray(rows)) return rows;
  throw new StoreError(`expected rows, got ${describeValue(result)}`);
}

/**
 * Reads a total from the only column of the only row: a count as a string, or a query plan as JSON with the estimated rows.
 * The planner estimates from the statistics of ANALYZE, scaled to the present size of the table.
 */
export function parseTotal(kind: TotalKind, rows: readonly unknown[]): Total {
  const value = kind === "exact" ? firstColumn(rows[0]) : plannedRows(firstColumn(rows[0]));
  const number = Number(value);
  if (value !== undefined && Number.isSafeInteger(number)) return { value: number, exact: kind === "exact" };
  throw new StoreError(`expected the number of rows, got ${describeValue(rows[0])}`);
}

const firstColumn = (row: unknown): unknown =>
  typeof row === "object" && row !== null ? (Object.values(row)[0] as unknown) : undefined;

function plannedRows(result: unknown): unknown {
  const plans: unknown = typeof result === "string" ? JSON.parse(result) : result;
  const [first] = Array.isArray(plans) ? (plans as unknown[]) : [];
  return fieldOf(fieldOf(first, "Plan"), "Plan Rows");
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
