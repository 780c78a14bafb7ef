import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { instantOf, localTimeOf } from "./time-zone.js";
import type { Interval, Period, Subscription } from "../types.js";

const DAY_MS = 86_400_000;
/** Years 1 to 9999: what a key can name. */
const MIN_MS = -62_135_596_800_000 + DAY_MS;
const MAX_MS = 253_402_300_800_000 - 400 * DAY_MS;

const INTERVALS: ReadonlySet<unknown> = new Set<Interval>(["day", "week", "month", "year", "forever"]);

/** The metric counts from 0 once. */
const FOREVER: Period = { key: "forever", startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };

interface Calendar {
  readonly interval: Exclude<Interval, "forever">;
  readonly anchorMs: number;
  /** The anchor on a wall clock of the zone, as if that clock showed UTC. */
  readonly localMs: number;
  readonly zone: string;
}

/**
 * The billing period that `now` lies in. Boundary n is n intervals after the anchor, counted from the anchor: days and
 * months of the tenant's time zone, at the anchor's time of day there. A day that the month does not have is the month's
 * last: 31 January, 28 February, 31 March. A time that the clock skips is as much later as it skips; of a time that it
 * shows twice the first counts, but for the anchor itself. Before the anchor the periods go on in the same way.
 *
 * @param now milliseconds since the epoch, years 1 to 9998
 * @throws {ConfigError} for an unknown time zone or interval, and an anchor or a time that is none
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
  // Also for a metric without periods: the zone is wrong whatever it is asked for.
  const localMs = localTimeOf(anchorMs, zone);
  const period = interval === "forever" ? FOREVER : find({ interval, anchorMs, localMs, zone }, now);
  remember(name, period);
  return period;
}

/** The period last asked for of each subscription: nearly every question is about the current one. */
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
  // The estimate counts days of the calendar; the time of day, and a clock that was set, can move it by one.
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

/** How many whole intervals lie between two days of the calendar, give or take one. */
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

/** When the n-th period starts. */
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
  // Day 0 of a month is the last of the one before.
  const last = new Date(date);
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, last.getUTCDate()));
  return date.getTime();
}
