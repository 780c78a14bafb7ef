/** Named page sizes, by the size of a row. */
export type PageSizeName = "small" | "medium" | "large" | "xlarge";

/** Maximum rows of a page, by name. */
export const pageSizes: Readonly<Record<PageSizeName, number>> = { small: 20, medium: 50, large: 100, xlarge: 500 };

/** Upper bound for every definition: a typing error must not read a whole table. */
export const MAX_SIZE = 10_000;

const DEFAULT_SIZE = 50;

/** Page sizes of a plan, such as `plan.pageSize` of `@scale/core`. */
export interface PageSize {
  /** Rows for a request without a size. */
  readonly default?: number | undefined;
  /** Maximum rows for a request with a size. */
  readonly max?: number | undefined;
}

export interface Sizes {
  readonly size: number;
  readonly max: number;
}

/**
 * Resolves the sizes of one request. The definition caps the plan, because it knows how large its rows are.
 * @throws {TypeError} for a plan with a size below 1
 */
export function resolveSizes(definition: PageSize, plan: PageSize = {}): Sizes {
  const planned = plan.max === undefined ? undefined : atLeastOne(plan.max);
  const max = Math.min(definition.max ?? MAX_SIZE, planned ?? definition.max ?? pageSizes.large, MAX_SIZE);
  return { max, size: Math.min(max, atLeastOne(plan.default ?? definition.default ?? DEFAULT_SIZE)) };
}

function atLeastOne(rows: number): number {
  if (rows >= 1) return Math.floor(rows);
  throw new TypeError(`pageSize: expected a number >= 1, got ${rows}`);
}
