import { type Clock, systemClock } from "@scale/core";
import { clockOption, hasMethod, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { TimeWindow } from "../engine/time-window.js";

export interface BudgetOptions {
  /** Extra attempts for each call of the window: 0.2 allows one retry or hedge for five calls. @default 0.2 */
  readonly ratio?: number;
  /** Extra attempts per second that are allowed in addition, for services with few calls. @default 1 */
  readonly minPerSecond?: number;
  /** Window in milliseconds. @default 10_000 */
  readonly windowMs?: number;
  /** For tests. */
  readonly clock?: Clock;
}

/**
 * Bounds the extra load that retries and hedges put on a dependency together. Without it, clients that retry three times
 * quadruple the load of a dependency at the moment it fails.
 */
export interface Budget {
  /** Counts a call, which earns part of an extra attempt. */
  noteCall(): void;
  /** Takes an extra attempt, if there is room for one. */
  take(): boolean;
}

const optionsSchema = z.strictObject({
  ratio: z.number().min(0).max(10).default(0.2),
  minPerSecond: z.number().min(0).max(1_000_000).default(1),
  windowMs: z.number().min(100).max(3_600_000).default(10_000),
  clock: clockOption.default(systemClock),
});

const BUCKETS = 10;

/** Creates a budget. Give the same one to every `retry` and `hedge` that calls the same dependency. */
export function createBudget(options: BudgetOptions = {}): Budget {
  const { ratio, minPerSecond, windowMs, clock } = parseOptions(optionsSchema, options, "createBudget");
  const calls = new TimeWindow(windowMs, BUCKETS);
  const extra = new TimeWindow(windowMs, BUCKETS);
  const reserve = (minPerSecond * windowMs) / 1000;
  return {
    noteCall: () => calls.record(clock.monotonic(), false, false),
    take() {
      const nowMs = clock.monotonic();
      calls.expire(nowMs);
      extra.expire(nowMs);
      if (extra.calls + 1 > calls.calls * ratio + reserve) return false;
      extra.record(nowMs, false, false);
      return true;
    },
  };
}

/** True for an object of `createBudget`, or of an application's own making. */
export const budgetOption: z.ZodType<Budget> = z.custom<Budget>(
  (value) => hasMethod(value, "take") && hasMethod(value, "noteCall"),
  "expected a budget from createBudget",
);
