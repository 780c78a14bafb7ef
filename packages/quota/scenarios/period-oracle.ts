import type { Interval, Subscription } from "../src/types.js";

const QUARTER_HOUR = 900_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Where boundary `n` lies, found the slow way: the calendar is walked one interval at a time, and the zone's clock is
 * read every quarter of an hour around it until it shows what the calendar says.
 */
export function boundaryByScan({ anchor, timeZone = "UTC" }: Subscription, interval: Interval, n: number): number {
  const start = Number(anchor);
  const [unit, count] = unitOf(interval);
  if (n === 0) return start;
  if (unit === "hour") return start + n * count * HOUR;
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  const shown = (instant: number): string => clock.format(instant);
  const [date = "", time = ""] = shown(start).split(" ");
  const wanted = `${walk(date, unit, n * count)} ${time}`;
  const near = Date.parse(`${wanted.replace(" ", "T")}Z`);
  const phase = start % QUARTER_HOUR;
  const first = Math.floor((near - 1.25 * DAY) / QUARTER_HOUR) * QUARTER_HOUR + phase;
  for (let at = first; at < near + 1.25 * DAY; at += QUARTER_HOUR) if (shown(at) === wanted) return at;
  // The clock never shows it: what it shows a moment before it is set says how far off UTC it still was.
  for (let at = first; ; at += QUARTER_HOUR) {
    if (shown(at + QUARTER_HOUR) <= wanted) continue;
    const difference = Date.parse(`${shown(at).replace(" ", "T")}Z`) - at;
    return near - difference;
  }
}

type Unit = "hour" | "day" | "month";

function unitOf(interval: Interval): readonly [Unit, number] {
  if (typeof interval === "object") {
    if ("hours" in interval) return ["hour", interval.hours];
    return "days" in interval ? ["day", interval.days] : ["month", interval.months];
  }
  if (interval === "week") return ["day", 7];
  if (interval === "quarter") return ["month", 3];
  if (interval === "year") return ["month", 12];
  return [interval === "forever" ? "day" : interval, 1];
}

/** A date of the calendar after `n` days or months, by walking over every one between. */
function walk(date: string, unit: Unit, n: number): string {
  let [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const step = Math.sign(n);
  if (unit === "month") {
    for (let left = Math.abs(n); left > 0; left--) {
      month += step;
      if (month === 13) [year, month] = [year + 1, 1];
      if (month === 0) [year, month] = [year - 1, 12];
    }
    return text(year, month, Math.min(day, daysIn(year, month)));
  }
  for (let left = Math.abs(n); left > 0; left--) {
    day += step;
    if (day === 0) {
      [year, month] = month === 1 ? [year - 1, 12] : [year, month - 1];
      day = daysIn(year, month);
    } else if (day > daysIn(year, month)) [year, month, day] = month === 12 ? [year + 1, 1, 1] : [year, month + 1, 1];
  }
  return text(year, month, day);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const text = (year: number, month: number, day: number): string =>
  [String(year).padStart(4, "0"), String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
