import { InputError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { countParam } from "./params.js";
import { MAX_SIZE, pageSizes, sizesOf } from "./sizes.js";

export interface PaginationOptions {
  /**
   * Rows of a page when the request does not say.
   * @default 50, or `maxSize` if that is less
   */
  readonly defaultSize?: number;
  /** @default 100 */
  readonly maxSize?: number;
  /**
   * Rows that a page may pass over, because the database reads each of them.
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
  /** From 1. */
  readonly page: number;
  /** Rows, at most. */
  readonly limit: number;
  /** Rows to pass over. */
  readonly offset: number;
}

/**
 * Reads `page` and `limit` of a query. A limit above the greatest is lowered to it.
 * @throws {InputError} for what is no whole number from 1, and for a page beyond `maxOffset`
 */
export function extractPaginationParams(query: object, options: PaginationOptions = {}): PaginationParams {
  const { defaultSize, maxSize, maxOffset } = parseOptions(optionsSchema, options, "extractPaginationParams");
  const { size, max } = sizesOf({ max: maxSize, default: defaultSize });
  const limit = Math.min(countParam(query, "limit") ?? size, max);
  return { limit, ...numberedPage(query, limit, maxOffset) };
}

/** @throws {InputError} for a page that begins behind `maxOffset` rows */
export function numberedPage(query: object, limit: number, maxOffset: number): { page: number; offset: number } {
  const page = countParam(query, "page") ?? 1;
  const last = Math.floor(maxOffset / limit) + 1;
  if (page <= last) return { page, offset: (page - 1) * limit };
  throw new InputError(`page: expected at most ${last} with ${limit} rows a page, got ${page}`);
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

const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;

/**
 * The body of an answer that has pages by number.
 * @param total rows of the whole list
 * @throws {TypeError} for numbers that cannot be those of a page
 */
// oxlint-disable-next-line max-params -- the four that applications call it with
export function createPaginatedResponse<T>(
  data: readonly T[],
  page: number,
  limit: number,
  total: number,
): PaginatedResponse<T> {
  if (!whole(page, 1) || !whole(limit, 1) || !whole(total, 0)) {
    throw new TypeError(`expected a page and a limit from 1 and a total from 0, got ${page}, ${limit}, ${total}`);
  }
  const totalPages = Math.ceil(total / limit);
  return {
    data,
    pagination: { page, limit, total, totalPages, hasNextPage: page < totalPages, hasPreviousPage: page > 1 },
  };
}
