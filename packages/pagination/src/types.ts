import type { Deadline } from "@scale/core/kit";

interface Key {
  readonly column: string;
  readonly direction: "asc" | "desc";
  readonly type?: string;
}

/** One column of an order that is never null. A null that turns up in it is an error, because its row would be lost. */
export interface RequiredKey extends Key {
  readonly nulls?: never;
}

/** One column of an order that may be null. */
export interface NullableKey extends Key {
  readonly nulls: "first" | "last";
}

/** One column of an order, as `asc` and `desc` write it. */
export type SortKey = RequiredKey | NullableKey;

/** The last key tells apart what is equal in the others: it must be unique among the rows of a list, and never null. */
export type Order = readonly [...SortKey[], RequiredKey];

/** Where a row stands: its keys as the database writes them as text. No number or date of JavaScript holds them all. */
export type Position = readonly (string | null)[];

/** What a request asks for, checked: made by `page.parse`, taken by the functions that read a page. */
export interface PageArgs {
  /** The tenant that the cursors are bound to; `undefined` for a definition with `tenants: "shared"`. */
  readonly tenantId: string | undefined;
  /** The name of the order; `default` where the definition has only one. */
  readonly order: string;
  readonly keys: readonly SortKey[];
  /** Rows, at most. */
  readonly size: number;
  /** Reads from the end, or from `before`, and gives the rows in the same order all the same. */
  readonly backward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
  /** Rows to pass over; 0 with a cursor. */
  readonly offset: number;
  /** Signs a cursor for a row. */
  cursorOf(position: Position): string;
  /** The definition's `timeoutMs`. */
  readonly inTime: Deadline;
}

export interface PageInfo {
  /** Whether rows follow. With `before` it is not looked up and is true. */
  readonly hasNextPage: boolean;
  /** Whether rows precede. With `after`, and on a page by number, it is not looked up and is true. */
  readonly hasPreviousPage: boolean;
  /** The cursor of the first row; null on an empty page. */
  readonly startCursor: string | null;
  /** The cursor of the last row; null on an empty page. */
  readonly endCursor: string | null;
}

export interface Total {
  readonly value: number;
  /** False for an estimate from the statistics of the database. */
  readonly exact: boolean;
}

/** Whether a page says how many rows the list has: `exact` reads them all, `estimated` none. */
export type TotalKind = "exact" | "estimated";

export interface Page<T> {
  readonly items: readonly T[];
  readonly pageInfo: PageInfo;
  readonly total?: Total;
  /** The cursor of one of `items`. Not enumerable: neither JSON nor a copy of the page has it. */
  cursorOf(index: number): string;
}
