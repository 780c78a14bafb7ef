import { InputError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { integerParam } from "./params.js";
import { MAX_SIZE, pageSizes, resolveSizes } from "./sizes.js";

export interface PaginationOptions {
  /**
   * Rows of a page for a request without a limit.
   * @default 50, or `maxSize` if that is less
   */
  readonly defaultSize?: number;
  /**
   * Maximum rows of a page.
   * @default 100
   */
  readonly maxSize?: number;
  /**
   * Maximum rows that a page may skip: the database reads each of them.
   * @default 10000
   */
  readonly maxOffset?: number;
}

const optionsSchema = z.strictObject({
  defaultSize: z.int().min(1).max(MAX_SIZE).optional(),
  maxSize: z.int().min(1).max(MAX_SIZE).default(pageSizes.large),
  maxOffset: z.int().min(0).default(10_000),
});

export interface PaginationParams {
  /** Page number, from 1. */
  readonly page: number;
  /** Maximum rows of the page. */
  readonly limit: number;
  /** Rows to skip. */
  readonly offset: number;
}

/**
 * Reads `page` and `limit` of a query. A limit above `maxSize` is lowered to it.
 * @throws {InputError} for a value that is not an integer >= 1, and for a page beyond `maxOffset`
 */
export function extractPaginationParams(query: object, options: PaginationOptions = {}): PaginationParams {
  const { defaultSize, maxSize, maxOffset } = parseOptions(optionsSchema, options, "extractPaginationParams");
  const { size, max } = resolveSizes({ max: maxSize, default: defaultSize });
  const limit = Math.min(integerParam(query, "limit") ?? size, max);
  return { limit, ...parsePageNumber(query, limit, maxOffset) };
}

/** @throws {InputError} for a page that skips more than `maxOffset` rows */
export function parsePageNumber(query: object, limit: number, maxOffset: number): { page: number; offset: number } {
  const page = integerParam(query, "page") ?? 1;
  const last = Math.floor(maxOffset / Math.max(limit, 1)) + 1;
  if (page <= last) return { page, offset: (page - 1) * limit };
  throw new InputError(`page: expected at most ${last} with ${limit} rows per page, got ${page}`);
}

export interface PaginatedResponse<T> {
  readonly data: readonly T[];
  readonly pagination: {
    readonly page: number;
    readonly limit: number;
    readonly total: number;
    readonly totalPages: number;
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
  };
}

const isIntegerFrom = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;

/**
 * Builds the response body of a numbered page.
 * @param total rows of the whole list
 * @throws {TypeError} for a page or limit below 1, or a total below 0
 */
// oxlint-disable-next-line max-params -- the signature that existing applications call
export function createPaginatedResponse<T>(
  data: readonly T[],
  page: number,
  limit: number,
  total: number,
): PaginatedResponse<T> {
  if (!isIntegerFrom(page, 1) || !isIntegerFrom(limit, 1) || !isIntegerFrom(total, 0)) {
    throw new TypeError(
      `createPaginatedResponse: expected page and limit >= 1 and total >= 0, got ${page}, ${limit}, ${total}`,
    );
  }
  const totalPages = Math.ceil(total / limit);
  return {
    data,
    pagination: { page, limit, total, totalPages, hasNextPage: page < totalPages, hasPreviousPage: page > 1 },
  };
}
