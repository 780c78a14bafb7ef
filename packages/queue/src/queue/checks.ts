import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

/** Maximum number of jobs or tenants of a page, and of ids in one call. */
const MAX_PAGE = 1000;

/** @throws {InputError} for a limit that no store takes */
export function checkedLimit(limit: unknown): number {
  if (typeof limit === "number" && Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE) return limit;
  throw new InputError(`limit: expected an integer from 1 to 1,000, got ${describeValue(limit)}`);
}

/** @throws {InputError} for more ids than a store takes in one call */
export function checkedIds(ids: readonly string[]): readonly string[] {
  if (Array.isArray(ids) && ids.length <= MAX_PAGE) return ids;
  throw new InputError(
    `ids: expected an array of up to 1,000 ids, got ${Array.isArray(ids) ? ids.length : describeValue(ids)}`,
  );
}
