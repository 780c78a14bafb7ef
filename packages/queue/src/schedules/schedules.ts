import { ConfigError } from "@scale/core";
import { describeValue, durationOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { ParsedSchedule, ScheduleContext, TenantSource } from "./context.js";
import { parseCron } from "./cron.js";
import { createSlotRunner } from "./slot-runner.js";
import { spreadOffsetMs } from "./spread.js";
import { startTicker } from "./ticker.js";
import type { Schedule, ScheduleOptions } from "./types.js";

export interface Schedules {
  start(name: string, options: ScheduleOptions<string, unknown>): Schedule;
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;

const optionsSchema = z.strictObject({
  cron: z.string().min(1).max(200),
  tz: z.string().min(1).max(100).default("UTC"),
  job: z.string(),
  data: z.unknown(),
  tenants: z.custom<TenantSource>(isTenantSource, "expected an iterable of tenant ids, or a function that returns one"),
  spread: durationOption.pipe(z.number().max(7 * DAY_MS)).default(0),
  catchUp: durationOption.pipe(z.number().max(7 * DAY_MS)).default(300_000),
});

/** The schedules of one queue in this process. */
export function createSchedules(context: ScheduleContext): Schedules {
  const running = new Map<string, Schedule>();

  function start(name: string, options: ScheduleOptions<string, unknown>): Schedule {
    if (typeof name !== "string" || name.length === 0 || name.length > 100) {
      throw new ConfigError(`schedule: expected a name of 1 to 100 characters, got ${describeValue(name)}`);
    }
    if (running.has(name)) throw new ConfigError(`schedule: ${describeValue(name)} is running already: stop it first`);
    const schedule = startSchedule(context, parseSchedule(context, name, options), () => running.delete(name));
    running.set(name, schedule);
    return schedule;
  }

  return {
    start,
    close: async () => {
      await Promise.all([...running.values()].map((schedule) => schedule.stop()));
    },
  };
}

function parseSchedule(
  { stored, hasJob }: ScheduleContext,
  name: string,
  options: ScheduleOptions<string, unknown>,
): ParsedSchedule {
  const what = `schedule ${describeValue(name)}`;
  const { cron, tz, spread, catchUp, ...rest } = parseOptions(optionsSchema, options, what);
  if (!hasJob(rest.job))
    throw new ConfigError(`${what}: job: expected a job of the queue, got ${describeValue(rest.job)}`);
  const parsed = parseCron(cron, tz, stored.clock.now());
  return { name, ...rest, cron: parsed, spreadMs: spread, catchUpMs: catchUp };
}

function startSchedule(context: ScheduleContext, parsed: ParsedSchedule, onStop: () => void): Schedule {
  const { name, cron, spreadMs, catchUpMs } = parsed;
  const { clock } = context.stored;
  const runner = createSlotRunner(context, parsed);
  const ticker = startTicker({ clock, cron, catchUpMs, fire: runner.fire });
  return {
    name,
    next(count = 1) {
      if (!Number.isSafeInteger(count) || count < 1 || count > 1000) {
        throw new ConfigError(`schedule: next: expected an integer from 1 to 1,000, got ${describeValue(count)}`);
      }
      const slots: Date[] = [];
      for (let at = clock.now(); slots.length < count; ) slots.push(new Date((at = cron.after(at))));
      return slots;
    },
    offsetMs: (tenantId) => spreadOffsetMs(name, tenantId, spreadMs),
    async stop() {
      ticker.stop();
      onStop();
      await runner.stop();
    },
  };
}

function isTenantSource(value: unknown): boolean {
  if (typeof value === "function") return true;
  // A string is an iterable of its characters.
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
