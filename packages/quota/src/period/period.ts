import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { instantOf, localTimeOf } from "./time-zone.js";
import type { Interval, Period, Subscription } from "../types.js";
import { type Step, stepOf } from "./interval.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Years 1 to 9999: the range of a period's key. */
const MIN_MS = -62_135_596_800_000 + DAY_MS;
const MAX_MS = 253_402_300_800_000 - 400 * DAY_MS;

/** The one period of a metric that never starts again from 0. */
const FOREVER: Period = { key: "forever", startsAt: Number.NEGATIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY };

interface Calendar {
  readonly step: Step;
  readonly anchorMs: number;
  /** Local time of the anchor in the zone, as if it were UTC. */
  readonly localMs: number;
  readonly zone: string;
}

/**
 * Returns the billing period that contains `now`. Boundary n is n intervals after the anchor, always counted from the
 * anchor: hours, or days and months of the tenant's time zone, at the anchor's time of day there. A day that a month lacks becomes
 * the last day of that month: 31 January, 28 February, 31 March. A time that the clock skips moves later by the skipped
 * time. A time that the clock shows twice is the first one, except for the anchor itself. Periods before the anchor
 * follow the same rules.
 *
 * @param now milliseconds since the epoch, years 1 to 9998
 * @throws {ConfigError} for an unknown time zone or interval, and an invalid anchor or time
 */
export function periodAt(subscription: Subscription, interval: Interval, now: number): Period {
  const { timeZone: zone = "UTC" } = subscription;
  const step = stepOf(interval);
  const anchorMs = timeOf(subscription.anchor, "subscription.anchor");
  timeOf(now, "now");
  const name = `${step?.name} ${anchorMs} ${zone}`;
  const last = lastOf.get(name);
  if (last !== undefined && last.startsAt <= now && now < last.endsAt) return last;
  // Before the interval is looked at: an unknown zone is an error for a metric without periods too.
  const localMs = localTimeOf(anchorMs, zone);
  const period = step === undefined ? FOREVER : find({ step, anchorMs, localMs, zone }, now);
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
  const { step, anchorMs, localMs, zone } = calendar;
  const local = { from: localMs, to: localTimeOf(now, zone) };
  let n = stepsBetween(step, step.unit === "hour" ? { from: anchorMs, to: now } : local);
  let startsAt = boundary(calendar, n);
  // The estimate counts calendar days; the time of day and a change of the clock can move it by one.
  while (startsAt > now) startsAt = boundary(calendar, --n);
  let endsAt = boundary(calendar, n + 1);
  while (endsAt <= now) {
    startsAt = endsAt;
    endsAt = boundary(calendar, ++n + 1);
  }
  return { key: `${step.name}-${new Date(startsAt).toISOString().replaceAll(/[-:.]/g, "")}`, startsAt, endsAt };
}

function timeOf(value: unknown, what: string): number {
  const isTime = typeof value === "number" || (typeof value === "object" && value !== null);
  const ms = Math.floor(Number(value));
  if (isTime && ms >= MIN_MS && ms <= MAX_MS) return ms;
  throw new ConfigError(`${what}: expected a time of the years 1 to 9998, got ${describeValue(value)}`);
}

/** Number of steps between two times; it may be off by one. */
function stepsBetween({ unit, count }: Step, { from, to }: { readonly from: number; readonly to: number }): number {
  if (unit === "month") return Math.floor((monthOf(to) - monthOf(from)) / count);
  const unitMs = unit === "day" ? DAY_MS : HOUR_MS;
  return Math.floor((Math.floor(to / unitMs) - Math.floor(from / unitMs)) / count);
}

/** Months since year 0. */
function monthOf(localMs: number): number {
  const date = new Date(localMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/** Start of the n-th period. Hours pass by every clock alike: they do not depend on the zone. */
function boundary({ step: { unit, count }, anchorMs, localMs, zone }: Calendar, n: number): number {
  if (n === 0) return anchorMs;
  if (unit === "hour") return anchorMs + n * count * HOUR_MS;
  return instantOf(unit === "day" ? localMs + n * count * DAY_MS : addMonths(localMs, n * count), zone);
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
