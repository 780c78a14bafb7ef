import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { Interval } from "../types.js";

/** An interval as a number of hours, or of days or months of the calendar. */
export interface Step {
  /** Part of the period's key. */
  readonly name: string;
  readonly unit: "hour" | "day" | "month";
  readonly count: number;
}

const NAMED: Readonly<Record<Exclude<Extract<Interval, string>, "forever">, Step>> = {
  hour: { name: "hour", unit: "hour", count: 1 },
  day: { name: "day", unit: "day", count: 1 },
  week: { name: "week", unit: "day", count: 7 },
  month: { name: "month", unit: "month", count: 1 },
  quarter: { name: "quarter", unit: "month", count: 3 },
  year: { name: "year", unit: "month", count: 12 },
};

/** Schema of the option `per`. Up to about a year: a count is kept for 400 days. */
export const intervalOption: z.ZodType<Interval> = z.union(
  [
    z.enum(["hour", "day", "week", "month", "quarter", "year", "forever"]),
    z.strictObject({ hours: z.int().min(1).max(8784) }),
    z.strictObject({ days: z.int().min(1).max(366) }),
    z.strictObject({ months: z.int().min(1).max(12) }),
  ],
  'expected "hour" to "year", "forever", or one of { hours, days, months } of up to a year',
);

/**
 * @returns `undefined` for `forever`
 * @throws {ConfigError} for an unknown interval
 */
export function stepOf(interval: Interval): Step | undefined {
  if (interval === "forever") return undefined;
  if (typeof interval === "string" && Object.hasOwn(NAMED, interval)) return NAMED[interval];
  const parsed = intervalOption.safeParse(interval);
  if (parsed.success && typeof parsed.data === "object") {
    for (const [units, count] of Object.entries(parsed.data)) {
      const unit = units === "hours" ? "hour" : units === "days" ? "day" : "month";
      return { name: `${count}-${units}`, unit, count };
    }
  }
  throw new ConfigError(
    `interval: expected "hour" to "year", "forever", or one of { hours, days, months }, got ${describeValue(interval)}`,
  );
}
