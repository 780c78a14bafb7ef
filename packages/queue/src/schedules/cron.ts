import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { CronExpressionParser } from "cron-parser";

/** Slots of a cron expression in a time zone. Times are wall times in milliseconds. */
export interface Cron {
  /** The first slot after `ms`. */
  after(ms: number): number;
  /** The last slot at or before `ms`. */
  atOrBefore(ms: number): number;
}

/**
 * Parses with cron-parser, which BullMQ uses too: both agree on the hours that a change of daylight saving time skips or repeats.
 * @throws {ConfigError} for a wrong expression or time zone, and for one without a slot in the future
 */
export function parseCron(expression: string, tz: string, now: number): Cron {
  const at = (ms: number) => CronExpressionParser.parse(expression, { tz, currentDate: new Date(ms) });
  const cron: Cron = {
    after: (ms) => at(ms).next().getTime(),
    // `prev` excludes its date, and slots lie on whole seconds.
    atOrBefore: (ms) => at(ms + 1).prev().getTime(),
  };
  try {
    cron.after(now);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`schedule: cron: expected an expression, got ${describeValue(expression)} (${tz}): ${reason}`, {
      cause,
    });
  }
  return cron;
}
