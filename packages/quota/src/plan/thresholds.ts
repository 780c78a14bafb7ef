import { shareOf } from "@scale/core/kit";
import { z } from "zod";
import { MAX_UNITS } from "./units.js";

/** Parts of a limit that are published when they are reached, unless the metric has its own. */
export const DEFAULT_THRESHOLDS: readonly number[] = [0.8, 1];

/** Parts are kept as integers: 0.8 is 8000. */
const PRECISION = 10_000;

/** Schema of the option `thresholds`. */
export const thresholdsOption: z.ZodType<readonly number[] | undefined> = z
  .array(
    z
      .number()
      .gt(0)
      .max(10)
      .refine((part) => toPoints(part) / PRECISION === part, "expected at most 4 decimals"),
  )
  .max(20)
  .refine((parts) => parts.every((part, i) => i === 0 || part > (parts[i - 1] ?? 0)), "expected ascending parts")
  .optional();

/** Units at which a part of a limit is reached; above the maximum of a count for a limit without parts. */
export function thresholdUnits(limit: number, part: number): number {
  if (!(limit > 0 && limit <= MAX_UNITS)) return MAX_UNITS + 1;
  const tenThousandths = Math.ceil(limit) * toPoints(part);
  // Every use asks: integers are exact below 2^53, and faster.
  if (tenThousandths > Number.MAX_SAFE_INTEGER) return Math.min(shareOf(Math.ceil(limit), part, "up"), MAX_UNITS + 1);
  const rest = tenThousandths % PRECISION;
  return (tenThousandths - rest) / PRECISION + (rest === 0 ? 0 : 1);
}

/** A part as an integer, for stores that keep integers. */
export const toPoints = (part: number): number => Math.round(part * PRECISION);

/** Parts of `limit` that `used` reaches, and that are above `before`: the largest part that was reached before. */
export function newlyReached(
  before: number,
  used: number,
  {
    limit,
    thresholds = DEFAULT_THRESHOLDS,
  }: { readonly limit: number; readonly thresholds?: readonly number[] | undefined },
): readonly number[] {
  return thresholds.filter((part) => part > before && used >= thresholdUnits(limit, part));
}

/** The inverse of `toPoints`. */
export const toPart = (points: number): number => points / PRECISION;
