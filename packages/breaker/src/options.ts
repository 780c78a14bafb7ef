import { type Clock, ConfigError, systemClock } from "@scale/core";
import { clockOption, functionOption, methodOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { classifyErrors } from "./classify.js";
import type { BreakerEngine, BreakerSettings } from "./engine/contract.js";
import { ownEngine } from "./engine/circuit.js";
import { BREAKER_MODES } from "./modes.js";
import type { BreakerShare } from "./share.js";
import type { BreakerMode, Classify } from "./types.js";

/** Calls that settled in the last `ms`. */
export interface TimeWindowOptions {
  readonly type: "time";
  /** Length in milliseconds. @default 10_000 */
  readonly ms?: number;
  /** Parts that expire one after the other. @default 10 */
  readonly buckets?: number;
}

/** The last `calls` settled calls. */
export interface CountWindowOptions {
  readonly type: "count";
  readonly calls: number;
  /** Milliseconds without a settled call after which the window is empty. @default 60_000 */
  readonly staleAfterMs?: number;
}

/** Opens after `failures` failures in a row. */
export interface ConsecutiveWindowOptions {
  readonly type: "consecutive";
  readonly failures: number;
  /** As in a count window. @default 60_000 */
  readonly staleAfterMs?: number;
}

export interface OpenOptions {
  /** First open time in milliseconds. It doubles with every opening in a row. @default 1000 */
  readonly baseMs?: number;
  /** Maximum of the doubled time. @default 30_000 */
  readonly maxMs?: number;
  /** Part of the time that is random, 0 to 1, so that processes do not probe together. @default 0.5 */
  readonly jitter?: number;
  /** Maximum that a `Retry-After` of the dependency may extend the open time to, in milliseconds. @default 60_000 */
  readonly maxRetryAfterMs?: number;
}

export interface HalfOpenOptions {
  /** Probes that are admitted, and decide together. @default 3 */
  readonly permits?: number;
  /** Part of the probes that must succeed, 0 to 1. @default 0.5 */
  readonly successRate?: number;
  /** Milliseconds after which a probe that did not settle counts as failed. @default 10_000 */
  readonly leaseMs?: number;
  /**
   * How a probe counts that `classify` ignores: `success`, because the dependency was reached, or `release`, so that the next
   * call probes instead.
   * @default "success"
   */
  readonly ignored?: "success" | "release";
}

export interface BreakerOptions {
  /** Appears in errors, events and keys. */
  readonly name: string;
  /** @default the last 10 seconds */
  readonly window?: TimeWindowOptions | CountWindowOptions | ConsecutiveWindowOptions;
  /** Part of the settled calls that must fail to open the breaker, above 0 and up to 1. @default 0.5 */
  readonly failureRate?: number;
  /** Settled calls in the window before any rate is looked at. @default 20, or all calls of a smaller count window */
  readonly minimumCalls?: number;
  /**
   * Failures in a row that open the breaker too, whatever the rate. In a long window with many successes, an outage reaches the
   * rate only after half of the window.
   * @default none
   */
  readonly consecutiveFailures?: number;
  /** Opens the breaker when `rate` of the calls (default 0.8) took `ms` or longer. @default none */
  readonly slowCall?: { readonly ms: number; readonly rate?: number };
  readonly open?: OpenOptions;
  readonly halfOpen?: HalfOpenOptions;
  /** Milliseconds after recovery in which the admitted share rises from a tenth to all. 0 admits all at once. @default 1000 */
  readonly rampMs?: number;
  /** @default every error is a failure */
  readonly classify?: Classify;
  /** @default "auto" */
  readonly mode?: BreakerMode;
  /** Implementation of the state machine. @default ownEngine; `opossumEngine` of `@scale/breaker/opossum` is the other one */
  readonly engine?: BreakerEngine;
  /** State that processes share: `redisShare` of `@scale/breaker/redis`. @default none */
  readonly share?: BreakerShare;
  /** For tests. */
  readonly clock?: Clock;
  /** Source of the jitter, 0 to 1. For tests. @default Math.random */
  readonly random?: () => number;
}

const ms = (max: number) => z.number().min(1).max(max);
const rate = z.number().gt(0).max(1);
const HOUR_MS = 3_600_000;
const DEFAULT_MINIMUM_CALLS = 20;

const staleAfterMs = ms(24 * HOUR_MS).default(60_000);
const windowSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("time"),
    ms: ms(HOUR_MS).default(10_000),
    buckets: z.int().min(1).max(120).default(10),
  }),
  z.strictObject({ type: z.literal("count"), calls: z.int().min(1).max(1_000_000), staleAfterMs }),
  z.strictObject({ type: z.literal("consecutive"), failures: z.int().min(1).max(1_000_000), staleAfterMs }),
]);

const openSchema = z
  .strictObject({
    baseMs: ms(HOUR_MS).default(1000),
    maxMs: ms(24 * HOUR_MS).default(30_000),
    jitter: z.number().min(0).max(1).default(0.5),
    maxRetryAfterMs: z
      .number()
      .min(0)
      .max(24 * HOUR_MS)
      .default(60_000),
  })
  .refine(({ baseMs, maxMs }) => baseMs <= maxMs, { path: ["maxMs"], message: "expected at least baseMs" });

const halfOpenSchema = z.strictObject({
  permits: z.int().min(1).max(1000).default(3),
  successRate: rate.default(0.5),
  leaseMs: ms(HOUR_MS).default(10_000),
  ignored: z.enum(["success", "release"]).default("success"),
});

/** Name of a breaker or of a policy. */
export const nameOption: z.ZodString = z.string().min(1).max(256);

// The same objects for every breaker without options of its own: there may be thousands.
const DEFAULT_WINDOW = Object.freeze(windowSchema.parse({ type: "time" }));
const DEFAULT_OPEN = Object.freeze(openSchema.parse({}));
const DEFAULT_HALF_OPEN = Object.freeze(halfOpenSchema.parse({}));

const breakerSchema = z.strictObject({
  name: nameOption,
  window: windowSchema.default(() => DEFAULT_WINDOW),
  failureRate: rate.default(0.5),
  minimumCalls: z.int().min(1).max(1_000_000).optional(),
  consecutiveFailures: z.int().min(1).max(1_000_000).optional(),
  slowCall: z.strictObject({ ms: ms(HOUR_MS), rate: rate.default(0.8) }).optional(),
  open: openSchema.default(() => DEFAULT_OPEN),
  halfOpen: halfOpenSchema.default(() => DEFAULT_HALF_OPEN),
  rampMs: z.number().min(0).max(HOUR_MS).default(1000),
  classify: functionOption<Classify>().default(() => classifyErrors),
  mode: z.enum(BREAKER_MODES).default("auto"),
  engine: functionOption<BreakerEngine>("an engine such as opossumEngine").default(() => ownEngine),
  share: methodOption<BreakerShare>("forBreaker", "a share from redisShare").optional(),
  clock: clockOption.default(systemClock),
  random: functionOption<() => number>().default(() => Math.random),
});

/**
 * @param what public function that takes the options
 * @throws {ConfigError} also for options that contradict each other
 */
export function parseBreakerOptions(options: BreakerOptions, what: string): BreakerSettings {
  const parsed = parseOptions(breakerSchema, options, what);
  const most = parsed.window.type === "count" ? parsed.window.calls : Infinity;
  const { minimumCalls = Math.min(DEFAULT_MINIMUM_CALLS, most) } = parsed;
  if (minimumCalls > most) {
    throw new ConfigError(`${what}: minimumCalls: expected at most window.calls, ${most}, got ${minimumCalls}`);
  }
  // Member by member: a spread makes an object of four times the size, and there may be thousands.
  return {
    name: parsed.name,
    window: parsed.window,
    failureRate: parsed.failureRate,
    minimumCalls,
    consecutiveFailures: parsed.consecutiveFailures,
    slowCall: parsed.slowCall,
    open: parsed.open,
    halfOpen: parsed.halfOpen,
    rampMs: parsed.rampMs,
    classify: parsed.classify,
    mode: parsed.mode,
    engine: parsed.engine,
    share: parsed.share,
    clock: parsed.clock,
    random: parsed.random,
  };
}
