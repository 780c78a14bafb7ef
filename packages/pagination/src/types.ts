import type { Deadline } from "@scale/core/kit";

interface Key {
  readonly column: string;
  readonly direction: "asc" | "desc";
  readonly type?: string;
}

/** A column of an order that is never null. A row with a null in it would be lost, so it throws. */
export interface RequiredKey extends Key {
  readonly nulls?: never;
}

/** A column of an order that may be null. */
export interface NullableKey extends Key {
  readonly nulls: "first" | "last";
}

/** A column of an order: the result of `asc` or `desc`. */
export type SortKey = RequiredKey | NullableKey;

/** The columns of an order. The last one breaks ties: it must be unique among the rows of a list, and never null. */
export type Order = readonly [...SortKey[], RequiredKey];

/** Position of a row: its keys in the text form of the database, because numbers and dates of JavaScript lose digits. */
export type Position = readonly (string | null)[];

/** The checked parameters of a request: returned by `page.parse`, passed to the functions that read a page. */
export interface PageArgs {
  /** Tenant that the cursors are bound to; `undefined` for a definition with `tenants: "shared"`. */
  readonly tenantId: string | undefined;
  /** Name of the order; `default` if the definition has one without a name. */
  readonly order: string;
  readonly keys: readonly SortKey[];
  /** Maximum rows of the page. */
  readonly size: number;
  /**
   * Maximum rows of the page that are kept, from its end, for a request with `first` and `last`; `undefined` without `last`
   * beside `first`.
   */
  readonly keepLast: number | undefined;
  /** True to read backward, from the end or from `before`. The rows are returned in the order of the list. */
  readonly backward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
  /** Rows to skip; 0 with a cursor. */
  readonly offset: number;
  /** Signs a cursor for a row. */
  cursorOf(position: Position): string;
  /** Deadline of each statement, from `timeoutMs` of the definition. */
  readonly deadline: Deadline;
}

export interface PageInfo {
  /** True if rows follow. With `before` it is true without a check. */
  readonly hasNextPage: boolean;
  /** True if rows precede. With `after`, and from the second numbered page on, it is true without a check. */
  readonly hasPreviousPage: boolean;
  /** Cursor of the first row; null on an empty page. */
  readonly startCursor: string | null;
  /** Cursor of the last row; null on an empty page. */
  readonly endCursor: string | null;
}

export interface Total {
  readonly value: number;
  /** False for an estimate of the query planner. */
  readonly exact: boolean;
}

/** How to count the rows of a list: `exact` reads all of them, `estimated` none. */
export type TotalKind = "exact" | "estimated";

export interface Page<T> {
  readonly items: readonly T[];
  readonly pageInfo: PageInfo;
  readonly total?: Total;
  /** Returns the cursor of one of `items`. Not enumerable: JSON and copies of the page do not contain it. */
  cursorOf(index: number): string;
}
