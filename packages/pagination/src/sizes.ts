/** Names for how many rows a page may have, by what a row weighs. */
export type PageSizeName = "small" | "medium" | "large" | "xlarge";

/** The most rows of a page, by name. */
export const pageSizes: Readonly<Record<PageSizeName, number>> = { small: 20, medium: 50, large: 100, xlarge: 500 };

/** No definition may have more rows in a page: a typing error must not read a whole table. */
export const MAX_SIZE = 10_000;

const DEFAULT_SIZE = 50;

/** What a plan says of pages; `plan.pageSize` of `@scale/core` is one. */
export interface PageSize {
  /** Rows when the request does not say. */
  readonly default?: number | undefined;
  /** Rows, however many the request asks for. */
  readonly max?: number | undefined;
}

export interface Sizes {
  readonly size: number;
  readonly max: number;
}

/**
 * The bounds of one request. What a definition says bounds what a plan says, because it knows what its rows weigh.
 * @throws {TypeError} for a plan whose numbers cannot be those of a page
 */
export function sizesOf(definition: PageSize, plan: PageSize = {}): Sizes {
  const planned = plan.max === undefined ? undefined : atLeastOne(plan.max);
  const max = Math.min(definition.max ?? MAX_SIZE, planned ?? definition.max ?? pageSizes.large, MAX_SIZE);
  return { max, size: Math.min(max, atLeastOne(plan.default ?? definition.default ?? DEFAULT_SIZE)) };
}

function atLeastOne(rows: number): number {
  if (rows >= 1) return Math.floor(rows);
  throw new TypeError(`pageSize: expected at least 1, got ${rows}`);
}
