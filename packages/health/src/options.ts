import { type Clock, systemClock } from "@scale/core";
import { clockOption, describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { breakerCheck } from "./checks/breaker.js";
import { type BreakerSource, isBreakerSource } from "./checks/breaker-state.js";
import { type DrainOptions, drainSchema } from "./drain/options.js";
import { type HeartbeatOptions, heartbeatSchema } from "./live/options.js";
import type { ParsedCheck } from "./monitor/checker.js";
import type { HealthCheck } from "./types.js";

export interface HealthOptions {
  /**
   * Checks that must each pass once before the process is ready: migrations, a first load of configuration. They are not run
   * again after that.
   * @default []
   */
  readonly startup?: readonly HealthCheck[];
  /** Checks that run in the background for as long as the process lives. @default [] */
  readonly ready?: readonly HealthCheck[];
  /**
   * When the process is reported as dead, which makes an orchestrator restart it. It depends on nothing but the event loop of
   * this process: a restart repairs no dependency. `false` reports it as alive whenever it answers.
   * @default { maxDelayMs: 5_000, forMs: 60_000 }
   */
  readonly live?: HeartbeatOptions | false;
  /** Breakers, and registries of breakers, of `@scale/breaker`. An open one is a `warn`. @default [] */
  readonly breakers?: readonly BreakerSource[];
  readonly drain?: DrainOptions;
  readonly clock?: Clock;
}

const MAX_MS = 3_600_000;
const READY_EVERY_MS = 5_000;
/** A process that starts should not wait for its next check. */
const STARTUP_EVERY_MS = 1_000;
// oxlint-disable-next-line no-control-regex -- a name is part of a path and of a line of a log
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;
const text = z
  .string()
  .min(1)
  .max(100)
  .refine((value) => !CONTROL.test(value), "expected a string without control characters");
const runs = z.int().min(1).max(100);

const checkSchema = z.object({
  name: text,
  group: text.optional(),
  critical: z.boolean().default(false),
  timeoutMs: z.number().min(1).max(60_000).default(1_000),
  everyMs: z.number().min(1).max(MAX_MS).optional(),
  failAfter: runs.default(2),
  passAfter: runs.default(2),
  run: functionOption<HealthCheck["run"]>(),
});

const breaker = z.custom<BreakerSource>(isBreakerSource, "expected a breaker or a registry of breakers");

const optionsSchema = z.strictObject({
  startup: z.array(checkSchema).default([]),
  ready: z.array(checkSchema).default([]),
  live: z.union([heartbeatSchema, z.literal(false)]).prefault({}),
  breakers: z.array(breaker).default([]),
  drain: drainSchema.prefault({}),
  clock: clockOption.default(systemClock),
});

export interface ParsedHealthOptions {
  readonly startup: readonly ParsedCheck[];
  readonly ready: readonly ParsedCheck[];
  readonly live: Required<HeartbeatOptions> | false;
  readonly drain: Required<DrainOptions>;
  readonly clock: Clock;
}

/** @throws {ConfigError} that names the wrong option, or a name that two checks have */
export function parseHealthOptions(options: HealthOptions): ParsedHealthOptions {
  const all = options.breakers?.every(isBreakerSource)
    ? { ...options, ready: [...(options.ready ?? []), ...options.breakers.map((source) => breakerCheck(source))] }
    : options;
  const { startup, ready, live, drain, clock } = parseOptions(schemaOf(all), all, "createHealth");
  return {
    // One success is enough: there is nothing before it that could flap.
    startup: startup.map((check, at) => ({
      ...complete(check, all.startup?.[at], STARTUP_EVERY_MS),
      failAfter: 1,
      passAfter: 1,
    })),
    ready: ready.map((check, at) => complete(check, all.ready?.[at], READY_EVERY_MS)),
    live,
    drain,
    clock,
  };
}

/** The check with its group. `run` keeps its `this`, for checks that are objects of a class. */
function complete(
  parsed: z.output<typeof checkSchema>,
  given: HealthCheck | undefined,
  defaultEveryMs: number,
): ParsedCheck {
  const { name, group = name, everyMs = defaultEveryMs, run } = parsed;
  return { ...parsed, group, everyMs, run: (context) => run.call(given, context) };
}

/** Names must be unique, since reports and events know a check by its name. */
function schemaOf({ startup = [], ready = [] }: HealthOptions): typeof optionsSchema {
  return optionsSchema.superRefine((_parsed, context) => {
    const seen = new Set<string>();
    for (const { name } of [...startup, ...ready]) {
      if (seen.has(name)) {
        context.addIssue({ code: "custom", message: `expected names that differ, got ${describeValue(name)} twice` });
      }
      seen.add(name);
    }
  });
}
