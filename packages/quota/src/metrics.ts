import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CountRows, Interval, RowsMetric, UsageMetric } from "./types.js";

export interface RowsMetricOptions<Db> {
  /** What one unit is called in answers: `bytes`. */
  readonly unit?: string;
  /**
   * Counts what a tenant has, on the connection or transaction it is given. Asked when a tenant has no counter yet, and
   * by `reconcile`. Without it a counter starts from 0: for metrics that start with the product.
   */
  readonly count?: CountRows<Db>;
}

export interface UsageMetricOptions {
  /** What one unit is called in answers: `tokens`. */
  readonly unit?: string;
  /** How often the count starts again from 0, counted from the start of the tenant's subscription. */
  readonly per: Interval;
}

const unit = z.string().min(1).max(64).optional();

const rowsSchema = z.strictObject({
  unit,
  count: z.custom<CountRows<never>>((value) => typeof value === "function", "expected a function").optional(),
});

const usageSchema = z.strictObject({ unit, per: z.enum(["day", "week", "month", "year", "forever"]) });

/** A metric of what exists, counted in the transaction that makes or deletes it. */
export function rows<Db = unknown>(options: RowsMetricOptions<Db> = {}): RowsMetric<Db> {
  parseOptions(rowsSchema, options, "rows");
  return { kind: "rows", unit: options.unit, count: options.count };
}

/** A metric of what is consumed in a billing period, reserved before the work and committed after it. */
export function usage(options: UsageMetricOptions): UsageMetric {
  const { unit: name, per } = parseOptions(usageSchema, options, "usage");
  return { kind: "usage", unit: name, per };
}
