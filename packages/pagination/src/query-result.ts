import { InputError, StoreError } from "@scale/core";
import { type Deadline, describeValue } from "@scale/core/kit";
import { fieldOf } from "./field.js";
import type { PageArgs } from "./types.js";

/**
 * What the database answers, in time.
 * @throws {StoreError} when it does not, with the client's error as its cause
 */
export async function answerOf<T>(
  { inTime }: { readonly inTime: Deadline },
  query: PromiseLike<T>,
  failure = "the page could not be read",
): Promise<T> {
  try {
    return await inTime(query, "the database");
  } catch (cause) {
    throw new StoreError(failure, { cause });
  }
}

/**
 * The answer to the statement that has the values of the cursors.
 * @throws {InputError} with `SCALE_CURSOR` when a cursor has a value that the column cannot read: of a list whose keys have
 * the same names and other types, or from before a column got another type
 */
export async function pageAnswerOf<T>(args: PageArgs, query: PromiseLike<T>): Promise<T> {
  try {
    return await answerOf(args, query);
  } catch (error) {
    const cursors = (["after", "before"] as const).filter((name) => args[name] !== undefined);
    if (cursors.length === 0 || !isUnreadable(fieldOf(error, "cause"))) throw error;
    throw new InputError(
      `${cursors.join(" and ")}: expected values that the keys of this list can have; start from the first page`,
      { code: "SCALE_CURSOR", cause: error },
    );
  }
}

/** Where clients have the code of the server's error: `pg`, Drizzle, Prisma. */
const CODES = [["code"], ["cause", "code"], ["meta", "driverAdapterError", "cause", "originalCode"]];

/** The text of a value is none of its type, or beyond its range. Source: PostgreSQL, appendix A, class 22 */
const UNREADABLE = new Set<unknown>(["22P02", "22003", "22007", "22008"]);

const isUnreadable = (error: unknown): boolean => CODES.some((path) => UNREADABLE.has(path.reduce(fieldOf, error)));

/**
 * The rows of an answer: a list from some clients, an object that has the list from others.
 * @throws {StoreError} for an answer that has none
 */
export function rowsOf(answer: unknown): readonly unknown[] {
  const rows = Array.isArray(answer) ? answer : fieldOf(answer, "rows");
  if (Array.isArray(rows)) return rows;
  throw new StoreError(`expected rows, got ${describeValue(answer)}`);
}
