import type { RollupPeriod } from "./types.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** The epoch was a Thursday: the Monday before it is three days earlier. */
const MONDAY_MS = -3 * DAY_MS;

interface Period {
  readonly lengthMs: number;
  readonly originMs: number;
  /** How long a period is kept after its beginning. */
  readonly keptMs: number;
  readonly defaultCount: number;
}

export const PERIODS: Readonly<Record<RollupPeriod, Period>> = {
  hour: { lengthMs: HOUR_MS, originMs: 0, keptMs: 8 * DAY_MS, defaultCount: 24 },
  day: { lengthMs: DAY_MS, originMs: 0, keptMs: 100 * DAY_MS, defaultCount: 14 },
  week: { lengthMs: WEEK_MS, originMs: MONDAY_MS, keptMs: 400 * DAY_MS, defaultCount: 8 },
};

/** Beginning of the period that contains a moment. */
export function periodStart(period: RollupPeriod, at: number): number {
  const { lengthMs, originMs } = PERIODS[period];
  return Math.floor((at - originMs) / lengthMs) * lengthMs + originMs;
}

/** Beginnings of the last periods, the oldest first. */
export function lastPeriods(period: RollupPeriod, at: number, count: number): number[] {
  const last = periodStart(period, at);
  const { lengthMs } = PERIODS[period];
  return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * lengthMs);
}
