import { ConfigError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Page, PageArgs, Position, Total } from "./types.js";

/** A row of the database and its position in the order. */
export interface PositionedRow<T> {
  readonly item: T;
  readonly position: Position;
}

/** Rows to read: one more than the page, to know whether further rows follow. */
export const rowsToRead = ({ size, keepLast = 0 }: PageArgs): number => Math.max(size, keepLast) + 1;

/** The rows of the page, of those that were read, in the order of the scan. */
export function rowsOfPage<Row>({ size, keepLast }: PageArgs, read: readonly Row[]): readonly Row[] {
  const rows = read.slice(0, size);
  return keepLast === undefined ? rows : rows.slice(Math.max(rows.length - keepLast, 0));
}

/**
 * Builds a page of rows that were read in the order of `scanOf(args)`, at most `rowsToRead(args)` of them.
 * @throws {ConfigError} when the rows show that the order is not unique
 */
export function buildPage<T>(args: PageArgs, read: readonly PositionedRow<T>[], total?: Total): Page<T> {
  const { size, keepLast, backward, after, before, offset } = args;
  checkOrder(args, read);
  const more = read.length > size;
  const isCut = keepLast !== undefined && read.length > keepLast;
  const rows = backward ? rowsOfPage(args, read).toReversed() : rowsOfPage(args, read);
  const cursors = rows.map(
    ({ position }) =>
      () =>
        args.cursorOf(position),
  );
  const pageInfo = {
    hasNextPage: before !== undefined || (more && !backward),
    hasPreviousPage: after !== undefined || offset > 0 || (more && backward) || isCut,
    startCursor: cursors.at(0)?.() ?? null,
    endCursor: cursors.at(-1)?.() ?? null,
  };
  const items = rows.map(({ item }) => item);
  return withCursors({ items, pageInfo, ...(total !== undefined && { total }) }, cursors);
}

/** Replaces the items of a page. Items for which `itemOf` returns `undefined` are removed together with their cursors. */
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

/** Adds cursors that are signed on demand: most responses contain two. */
function withCursors<T>(page: Omit<Page<T>, "cursorOf">, cursors: readonly (() => string)[]): Page<T> {
  const cursorOf = (index: number): string => {
    const cursor = cursors[index];
    if (cursor === undefined) throw new RangeError(`cursorOf: expected an index below ${cursors.length}, got ${index}`);
    return cursor();
  };
  return Object.defineProperty({ ...page, cursorOf }, "cursorOf", { enumerable: false });
}

/** Parses the result of `positionTokens`. */
export function parsePosition(text: unknown, { keys }: PageArgs): Position {
  const list = parseJson(text);
  if (Array.isArray(list) && list.length === keys.length && list.every(isKeyText)) return list;
  throw new StoreError(`expected the keys of a row, got ${describeValue(text)}`);
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    // The caller throws with the value.
    return undefined;
  }
}

const isKeyText = (value: unknown): value is string | null => value === null || typeof value === "string";

/** Throws for rows that would be lost or returned twice, on the first page that shows it. */
function checkOrder({ keys, order, after, before }: PageArgs, rows: readonly PositionedRow<unknown>[]): void {
  const cursors = new Set([after, before].map((position) => position && JSON.stringify(position)));
  const texts = rows.map(({ position }) => JSON.stringify(position));
  rows.forEach(({ position }, i) => {
    const found = keys.find(({ nulls }, at) => nulls === undefined && position[at] === null);
    if (found !== undefined) {
      throw new ConfigError(
        `the order "${order}": expected no null in ${found.column}, got a row with one; set nulls to "first" or "last"`,
      );
    }
    if (i > 0 && texts[i] === texts[i - 1]) {
      throw new ConfigError(
        `the order "${order}": expected a unique last key, got two rows with ${describeValue(position)}; add a unique column`,
      );
    }
    // A client would request the same rows forever.
    if (cursors.has(texts[i])) {
      throw new ConfigError(
        `the order "${order}": expected rows beyond the cursor, got its own row, ${describeValue(position)}; add the condition to the statement, or keep all digits of the keys`,
      );
    }
  });
}
