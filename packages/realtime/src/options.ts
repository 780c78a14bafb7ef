import { type Bytes, type Clock, type Duration, type PlanResolver, systemClock } from "@scale/core";
import { clockOption, durationOption, functionOption, parseBytes, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { checkLimit, type ConnectionLimit } from "./connection/limits.js";
import type { WhenSlow } from "./connection/slow-buffer.js";
import type { OutboxLike } from "./outbox.js";
import type { HubStore } from "./store.js";
import type { AnyTopic } from "./topics/registry.js";
import type { Topics } from "./topics/types.js";
import type { Principal } from "./types.js";

export interface HubOptions<Data, P extends Principal = Principal, Tx = never> {
  /** Where events are kept: `redisHub({ redis, subscriber })` for several processes, or `memoryHub()` for one. */
  readonly store: HubStore;
  /** Topics by pattern: `{ "orders.{orderId}": { schema, authorize } }`. */
  readonly topics: Topics<Data, P>;
  readonly history?: HubHistory;
  readonly limits?: HubLimits;
  /**
   * Plans of the product. The section `realtime` of a tenant's plan sets its connections in place of `limits.perTenant` and
   * `limits.perUser`. Each new connection reads the plan that is in force then.
   */
  readonly plans?: PlanResolver;
  /**
   * Interval of the heartbeat that each connection gets.
   * @default "15s"
   */
  readonly heartbeat?: Duration;
  readonly lifetime?: HubLifetime;
  /** Outbox of the application, for `hub.in(tx).publish`. */
  readonly outbox?: OutboxLike<Tx>;
  readonly clock?: Clock;
}

export interface HubHistory {
  /**
   * Minimum number of events of each topic that a client can resume over: 1 to 100,000.
   * @default 1000
   */
  readonly events?: number;
  /**
   * Time after its last event for which a topic is kept: 1 minute to 30 days.
   * @default "10m"
   */
  readonly ttl?: Duration;
}

export interface HubLimits {
  /**
   * Maximum connections of this process.
   * @default 10_000
   */
  readonly perProcess?: number;
  /**
   * Maximum connections of a tenant in this process, or a function that returns it: from the plan, for example.
   * @default 1000
   */
  readonly perTenant?: ConnectionLimit;
  /**
   * Maximum connections of a user in this process, or a function that returns it for the tenant.
   * @default 10
   */
  readonly perUser?: ConnectionLimit;
  /**
   * Maximum topics of a connection, up to 128.
   * @default 32
   */
  readonly topics?: number;
  /**
   * Maximum size of an event: topic and data as JSON. Up to half of `buffer`.
   * @default "64KiB"
   */
  readonly event?: Bytes;
  /**
   * Maximum bytes that wait for one client. At least 256 KiB.
   * @default "1MiB"
   */
  readonly buffer?: Bytes;
  /**
   * Treatment of a client whose buffer is full. `disconnect` ends its connection, and the client resumes with nothing
   * lost. `coalesce` keeps the newest event of each key of a topic. `drop` leaves events out, and tells the client how many.
   * @default "disconnect"
   */
  readonly whenSlow?: WhenSlow;
}

export interface HubLifetime {
  /**
   * Time after which a connection ends and the client connects again, up to a tenth earlier at random.
   * @default "1h"
   */
  readonly maxAge?: Duration;
  /**
   * Interval in which the rights of each connection are checked again.
   * @default "5m"
   */
  readonly recheck?: Duration;
  /**
   * Time that clients wait before they connect again.
   * @default "2s"
   */
  readonly retry?: Duration;
}

/** The parsed options. */
export interface ParsedHubOptions {
  readonly store: HubStore;
  readonly topics: Readonly<Record<string, AnyTopic>>;
  readonly plans: PlanResolver | undefined;
  readonly history: { readonly events: number; readonly ttlMs: number };
  readonly limits: {
    readonly perProcess: number;
    readonly perTenant: ConnectionLimit;
    readonly perUser: ConnectionLimit;
    readonly topics: number;
    readonly eventBytes: number;
    readonly bufferBytes: number;
    readonly whenSlow: WhenSlow;
  };
  readonly heartbeatMs: number;
  readonly maxAgeMs: number;
  readonly recheckMs: number;
  readonly retryMs: number;
  readonly outbox: OutboxLike<unknown> | undefined;
  readonly clock: Clock;
}

const bytesOption = z.unknown().transform((value, context) => {
  try {
    return parseBytes(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
const between = (minMs: number, maxMs: number) => durationOption.pipe(z.number().min(minMs).max(maxMs));
const DAY_MS = 86_400_000;

const topicSchema = z.strictObject({
  schema: z
    .custom<object>((value) => typeof value === "object" && value !== null && "~standard" in value, {
      message: "expected a Standard Schema, such as a schema of zod",
    })
    .or(functionOption<() => unknown>("a Standard Schema").refine((value) => "~standard" in value))
    .optional(),
  authorize: functionOption<AnyTopic["authorize"]>(),
  coalesce: functionOption<(data: never) => string>().optional(),
  presence: z.boolean().default(false),
});

const limit = z.union([z.number().min(0), functionOption<(tenantId: string) => number>("a number or a function")]);

const optionsSchema = z.strictObject({
  store: z.custom<HubStore>(
    (value) => typeof value === "object" && value !== null && "open" in value && typeof value.open === "function",
    "expected a store such as memoryHub()",
  ),
  topics: z.record(z.string(), topicSchema),
  plans: z
    .custom<PlanResolver>(
      (value) =>
        typeof value === "object" && value !== null && "resolve" in value && typeof value.resolve === "function",
      "expected a plan resolver from createPlanResolver",
    )
    .optional(),
  history: z
    .strictObject({
      events: z.int().min(1).max(100_000).default(1000),
      ttl: between(60_000, 30 * DAY_MS).default(600_000),
    })
    .prefault({}),
  limits: z
    .strictObject({
      perProcess: z.int().min(1).default(10_000),
      perTenant: limit.default(1000),
      perUser: limit.default(10),
      topics: z.int().min(1).max(128).default(32),
      event: bytesOption.pipe(z.number().max(16 * 2 ** 20)).default(64 * 1024),
      buffer: bytesOption.pipe(z.number().min(256 * 1024)).default(2 ** 20),
      whenSlow: z.enum(["disconnect", "coalesce", "drop"]).default("disconnect"),
    })
    .refine(({ event, buffer }) => event <= buffer / 2, { path: ["event"], message: "expected at most half of buffer" })
    .prefault({}),
  heartbeat: between(20, 3_600_000).default(15_000),
  lifetime: z
    .strictObject({
      maxAge: between(1000, 30 * DAY_MS).default(3_600_000),
      recheck: between(20, DAY_MS).default(300_000),
      retry: between(1, 600_000).default(2000),
    })
    .prefault({}),
  outbox: z
    .custom<OutboxLike<unknown>>(
      (value) => typeof value === "object" && value !== null && "write" in value && typeof value.write === "function",
      "expected an outbox, which has a method write",
    )
    .optional(),
  clock: clockOption.default(systemClock),
});

/** @throws {ConfigError} that names every wrong option */
export function parseHubOptions(options: unknown): ParsedHubOptions {
  const { history, limits, lifetime, heartbeat, topics, outbox, plans, ...rest } = parseOptions(
    optionsSchema,
    options,
    "createHub",
  );
  checkLimit("perTenant", limits.perTenant);
  checkLimit("perUser", limits.perUser);
  const { event, buffer, ...counts } = limits;
  return {
    ...rest,
    topics: topics as Readonly<Record<string, AnyTopic>>,
    outbox,
    plans,
    history: { events: history.events, ttlMs: history.ttl },
    limits: { ...counts, eventBytes: event, bufferBytes: buffer },
    heartbeatMs: heartbeat,
    maxAgeMs: lifetime.maxAge,
    recheckMs: lifetime.recheck,
    retryMs: lifetime.retry,
  };
}
