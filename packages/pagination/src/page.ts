import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Page, PageArgs, Position, Total } from "./types.js";

/** A row as the database gave it, and where it stands. */
export interface Placed<T> {
  readonly item: T;
  readonly position: Position;
}

/** Rows to ask for: one more than the page has tells whether others follow. */
export const rowsToRead = ({ size }: PageArgs): number => size + 1;

/**
 * The page of rows that were read in the order of `scanOf(args)`, at most `rowsToRead(args)` of them.
 * @throws {ConfigError} when the rows show that the order does not tell them apart
 */
export function pageOf<T>(args: PageArgs, read: readonly Placed<T>[], total?: Total): Page<T> {
  const { size, backward, after, before, offset } = args;
  checkApart(args, read);
  const more = read.length > size;
  const rows = backward ? read.slice(0, size).toReversed() : read.slice(0, size);
  const cursors = rows.map(
    ({ position }) =>
      () =>
        args.cursorOf(position),
  );
  const pageInfo = {
    hasNextPage: before !== undefined || (more && !backward),
    hasPreviousPage: after !== undefined || offset > 0 || (more && backward),
    startCursor: cursors.at(0)?.() ?? null,
    endCursor: cursors.at(-1)?.() ?? null,
  };
  const items = rows.map(({ item }) => item);
  return withCursors({ items, pageInfo, ...(total !== undefined && { total }) }, cursors);
}

/** The same page with other items: those that `itemOf` has none for are left out, and their cursors with them. */
export function replaceItems<T, U>(page: Page<T>, itemOf: (item: T) => U | undefined): Page<U> {
  const kept = page.items.flatMap((item, index) => {
    const other = itemOf(item);
    return other === undefined ? [] : [{ other, cursor: () => page.cursorOf(index) }];
  });
  const items = kept.map(({ other }) => other);
  return withCursors(
    { ...page, items },
    kept.map(({ cursor }) => cursor),
  );
}

/** Signed when somebody asks for them: most pages are sent with two. */
function withCursors<T>(page: Omit<Page<T>, "cursorOf">, cursors: readonly (() => string)[]): Page<T> {
  const cursorOf = (index: number): string => {
    const cursor = cursors[index];
    if (cursor === undefined) throw new RangeError(`expected one of ${cursors.length} rows, got ${index}`);
    return cursor();
  };
  return Object.defineProperty({ ...page, cursorOf }, "cursorOf", { enumerable: false });
}

/** Reads what `positionPieces` made. */
export function parsePosition(text: unknown, { keys }: PageArgs): Position {
  const list = parseJson(text);
  if (Array.isArray(list) && list.length === keys.length && list.every(isKeyText)) return list;
  throw new StoreError(`expected the keys of a row, got ${describeValue(text)}`);
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    // The caller says what there is instead of it.
    return undefined;
  }
}

const isKeyText = (value: unknown): value is string | null => value === null || typeof value === "string";

/** What would lose rows or give them twice is an error on the first page that shows it. */
function checkApart({ keys, order, after, before }: PageArgs, rows: readonly Placed<unknown>[]): void {
  const cursors = new Set([after, before].map((position) => position && JSON.stringify(position)));
  const texts = rows.map(({ position }) => JSON.stringify(position));
  rows.forEach(({ position }, i) => {
    const found = keys.find(({ nulls }, at) => nulls === undefined && position[at] === null);
    if (found !== undefined) {
      throw new ConfigError(
        `the order "${order}" does not say where the nulls of ${found.column} stand, and a row has one`,
      );
    }
    if (i > 0 && texts[i] === texts[i - 1]) {
      throw new ConfigError(
        `the last key of the order "${order}" is not unique: two rows have ${describeValue(position)}`,
      );
    }
    // A client would ask for the same rows for ever.
    if (cursors.has(texts[i])) {
      throw new ConfigError(
        `the order "${order}" gives the row of a cursor again, ${describeValue(position)}: the statement lacks the condition, or the keys lose digits on their way`,
      );
    }
  });
}
