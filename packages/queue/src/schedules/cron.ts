import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { CronExpressionParser } from "cron-parser";

/** Slots of a cron expression in a time zone. Times are wall times in milliseconds. */
export interface Cron {
  /** The first slot after `ms`. */
  after(ms: number): number;
}

/** Longer than any change of daylight saving time moves a clock. */
const SHIFT_MS = 2 * 3_600_000;

/**
 * Parses with cron-parser, which BullMQ uses too: both agree on the hours that a change of daylight saving time skips or repeats.
 * A slot in an hour that is skipped comes an hour later, and one in an hour that comes twice comes the first time.
 * @throws {ConfigError} for a wrong expression or time zone, and for one without a slot in the future
 */
export function parseCron(expression: string, tz: string, now: number): Cron {
  const at = (ms: number) => CronExpressionParser.parse(expression, { tz, currentDate: new Date(ms) });
  try {
    at(now).next();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `schedule: cron: expected an expression, got ${describeValue(expression)} (${tz}): ${reason}`,
      {
        cause,
      },
    );
  }
  const offsetAt = createOffsets(tz);

  // The parser leaves out the second of two 2:30, but not when it starts between them.
  function isRepeat(slotMs: number): boolean {
    if (offsetAt(slotMs) === offsetAt(slotMs - SHIFT_MS)) return false;
    const slots = at(slotMs - SHIFT_MS);
    let last = 0;
    while (last < slotMs) last = slots.next().getTime();
    return last !== slotMs;
  }

  function after(ms: number): number {
    const slots = at(ms);
    let slotMs = slots.next().getTime();
    while (isRepeat(slotMs)) slotMs = slots.next().getTime();
    return slotMs;
  }

  return { after };
}

/** Name of the UTC offset that is in force at a time. */
function createOffsets(timeZone: string): (ms: number) => string | undefined {
  const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  return (ms) => format.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value;
}
