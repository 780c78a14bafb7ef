import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { instantOf, localTimeOf } from "./time-zone.js";
import type { Interval, Period, Subscription } from "../types.js";

const DAY_MS = 86_400_000;
/** Years 1 to 9999: the range of a period's key. */
const MIN_MS = -62_135_596_800_000 + DAY_MS;
const MAX_MS = 253_402_300_800_000 - 400 * DAY_MS;

const INTERVALS: ReadonlySet<unknown> = new Set<Interval>(["day", "week", "month", "year", "forever"]);

/** The one period of a metric that never starts again from 0. */
const FOREVER: Period = { key: "forever", startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };

interface Calendar {
  readonly interval: Exclude<Interval, "forever">;
  readonly anchorMs: number;
  /** Local time of the anchor in the zone, as if it were UTC. */
  readonly localMs: number;
  readonly zone: string;
}

/**
 * Returns the billing period that contains `now`. Boundary n is n intervals after the anchor, always counted from the
 * anchor: days and months of the tenant's time zone, at the anchor's time of day there. A day that a month lacks becomes
 * the last day of that month: 31 January, 28 February, 31 March. A time that the clock skips moves later by the skipped
 * time. A time that the clock shows twice is the first one, except for the anchor itself. Periods before the anchor
 * follow the same rules.
 *
 * @param now milliseconds since the epoch, years 1 to 9998
 * @throws {ConfigError} for an unknown time zone or interval, and an invalid anchor or time
 */
export function periodAt(subscription: Subscription, interval: Interval, now: number): Period {
  const { timeZone: zone = "UTC" } = subscription;
  if (!INTERVALS.has(interval))
    throw new ConfigError(`interval: expected "day" to "year" or "forever", got ${describeValue(interval)}`);
  const anchorMs = timeOf(subscription.anchor, "subscription.anchor");
  timeOf(now, "now");
  const name = `${interval} ${anchorMs} ${zone}`;
  const last = lastOf.get(name);
  if (last !== undefined && last.startsAt <= now && now < last.endsAt) return last;
  // Before the interval is looked at: an unknown zone is an error for a metric without periods too.
  const localMs = localTimeOf(anchorMs, zone);
  const period = interval === "forever" ? FOREVER : find({ interval, anchorMs, localMs, zone }, now);
  remember(name, period);
  return period;
}

/** Last period of each subscription: nearly every call needs the current one again. */
const lastOf = new Map<string, Period>();
const MAX_REMEMBERED = 10_000;

function remember(name: string, period: Period): void {
  const [oldest] = lastOf.size < MAX_REMEMBERED ? [] : lastOf.keys();
  if (oldest !== undefined) lastOf.delete(oldest);
  lastOf.set(name, period);
}

function find(calendar: Calendar, now: number): Period {
  const { interval, localMs, zone } = calendar;
  let n = intervalsBetween(interval, localMs, localTimeOf(now, zone));
  let startsAt = boundary(calendar, n);
  // The estimate counts calendar days; the time of day and a change of the clock can move it by one.
  while (startsAt > now) startsAt = boundary(calendar, --n);
  let endsAt = boundary(calendar, n + 1);
  while (endsAt <= now) {
    startsAt = endsAt;
    endsAt = boundary(calendar, ++n + 1);
  }
  return { key: `${interval}-${new Date(startsAt).toISOString().replaceAll(/[-:.]/g, "")}`, startsAt, endsAt };
}

function timeOf(value: unknown, what: string): number {
  const isTime = typeof value === "number" || (typeof value === "object" && value !== null);
  const ms = Math.floor(Number(value));
  if (isTime && ms >= MIN_MS && ms <= MAX_MS) return ms;
  throw new ConfigError(`${what}: expected a time of the years 1 to 9998, got ${describeValue(value)}`);
}

/** Number of intervals between two calendar days; it may be off by one. */
function intervalsBetween(interval: Calendar["interval"], fromMs: number, toMs: number): number {
  const days = Math.floor(toMs / DAY_MS) - Math.floor(fromMs / DAY_MS);
  if (interval === "day") return days;
  if (interval === "week") return Math.floor(days / 7);
  const months = monthOf(toMs) - monthOf(fromMs);
  return interval === "month" ? months : Math.floor(months / 12);
}

/** Months since year 0. */
function monthOf(localMs: number): number {
  const date = new Date(localMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Start of the n-th period. */
function boundary({ interval, anchorMs, localMs, zone }: Calendar, n: number): number {
  if (n === 0) return anchorMs;
  if (interval === "day") return instantOf(localMs + n * DAY_MS, zone);
  if (interval === "week") return instantOf(localMs + n * 7 * DAY_MS, zone);
  return instantOf(addMonths(localMs, interval === "month" ? n : n * 12), zone);
}

function addMonths(localMs: number, months: number): number {
  const date = new Date(localMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  // Day 0 of a month is the last day of the month before.
  const last = new Date(date);
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, last.getUTCDate()));
  return date.getTime();
}
