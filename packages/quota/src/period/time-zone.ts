import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

const DAY_MS = 86_400_000;
/** More than the number of zones. A bound is needed because a name can be spelled in many ways. */
const MAX_ZONES = 1000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws {ConfigError} for a name that the runtime does not know */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: zone, calendar: "gregory", numberingSystem: "latn", hourCycle: "h23" },
      ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
    });
  } catch (cause) {
    throw new ConfigError(
      `timeZone: expected a name of the IANA database such as "Europe/Berlin", got ${describeValue(zone)}`,
      {
        cause,
      },
    );
  }
  if (formats.size >= MAX_ZONES) formats.clear();
  formats.set(zone, format);
  return format;
}

/**
 * Local time of `zone` at an instant, as the milliseconds since the epoch at which a UTC clock shows the same time.
 * @throws {ConfigError} for an unknown zone
 */
export function localTimeOf(instantMs: number, zone: string): number {
  if (zone === "UTC") return instantMs;
  const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of formatOf(zone).formatToParts(instantMs)) if (type in parts) set(parts, type, value);
  const local = new Date(0);
  local.setUTCFullYear(parts.year, parts.month - 1, parts.day);
  local.setUTCHours(parts.hour, parts.minute, parts.second);
  // The format has no milliseconds, and the offset of every zone is a multiple of a second.
  return local.getTime() + (((instantMs % 1000) + 1000) % 1000);
}

function set(parts: Record<string, number>, type: string, value: string): void {
  parts[type] = Number(value);
}

/**
 * Instant at which a wall clock of `zone` shows `localMs`: the first one when the clock shows it twice. When the clock
 * skips it, the instant is as if the clock had not been set forward.
 */
export function instantOf(localMs: number, zone: string): number {
  if (zone === "UTC") return localMs;
  // Every offset is below one day, and no zone changes its offset twice in two days.
  const before = offsetAt(localMs - DAY_MS, zone);
  const after = offsetAt(localMs + DAY_MS, zone);
  const first = localMs - before;
  if (before === after || offsetAt(first, zone) === before) return first;
  const second = localMs - after;
  return offsetAt(second, zone) === after ? second : first;
}

/** Offset of `zone` from UTC at an instant, in milliseconds. */
function offsetAt(instantMs: number, zone: string): number {
  return localTimeOf(instantMs, zone) - instantMs;
}
