import type { Bytes, Duration, PlanResolver } from "@scale/core";
import { durationOption, functionOption, parseBytes, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import type { QueueStore, Retention } from "../store.js";
import type { TraceBridge } from "../trace.js";
import type { ShareOption } from "./shares.js";
import type { OutboxLike } from "./types.js";

export interface QueueOptions {
  /**
   * Appears in keys, events and metrics. Queues of one name and store share their jobs.
   * @default "default"
   */
  readonly name?: string;
  /** Where jobs live: `memoryStore`, `inlineStore`, or a store of a backend. */
  readonly store: QueueStore;
  /** Plans of the product. The section `queue` of a tenant's plan is its share. */
  readonly plans?: PlanResolver;
  readonly fairness?: FairnessOptions;
  /** Outbox of `in(tx)`, for a store that has no transactions. */
  readonly outbox?: OutboxLike;
  /** Carries the trace of an enqueue to the handler: `openTelemetryTrace(api)`. */
  readonly trace?: TraceBridge;
  /**
   * Deadline of one call of the store, in milliseconds.
   * @default 500
   */
  readonly timeoutMs?: number;
  /**
   * Maximum size of the data and of the result of a job, as JSON.
   * @default "1MiB"
   */
  readonly maxPayload?: Bytes;
  readonly retention?: RetentionOptions;
}

export interface FairnessOptions {
  /**
   * Function that returns the share of a tenant, instead of `plans`. Fields that are missing have their defaults: weight 1, no
   * cap, no rate, and a backlog of 100,000. It runs for every enqueue.
   */
  readonly share?: ShareOption;
  /**
   * Unit in which tenants are served fairly: `"count"` charges the cost of a job, `"time"` its running time, so that a tenant with
   * slow jobs gets no more of the workers than one with fast jobs.
   * @default "count"
   */
  readonly charge?: "count" | "time";
}

/** How long jobs can be read after their end. */
export interface RetentionOptions {
  /**
   * Completed and cancelled jobs.
   * @default { count: 1000, age: "1d" }
   */
  readonly finished?: { readonly count?: number; readonly age?: Duration };
  /** @default { count: 100_000, age: "30d" } */
  readonly dead?: { readonly count?: number; readonly age?: Duration };
}

const YEAR_MS = 366 * 86_400_000;
const DAY_MS = 86_400_000;
const count = z.int().min(0).max(10_000_000);
const age = durationOption.pipe(z.number().max(10 * YEAR_MS));

const kept = (defaultCount: number, defaultAgeMs: number) =>
  z
    .strictObject({ count: count.default(defaultCount), age: age.default(defaultAgeMs) })
    .transform(({ count: max, age: ageMs }) => ({ count: max, ageMs }))
    .prefault({});

const bytesOption = z.unknown().transform((value, context) => {
  try {
    return parseBytes(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});

const withMethods = <T>(methods: readonly string[], expected: string) =>
  z.custom<T>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      methods.every((method) => method in value && typeof Reflect.get(value, method) === "function"),
    expected,
  );

const optionsSchema = z
  .strictObject({
    name: z.string().min(1).max(100).default("default"),
    store: withMethods<QueueStore>(["open"], 'expected a store such as memoryStore({ durability: "none" })'),
    plans: withMethods<PlanResolver>(
      ["resolve", "check"],
      "expected a plan resolver from createPlanResolver",
    ).optional(),
    fairness: z
      .strictObject({
        share: functionOption<ShareOption>().optional(),
        charge: z.enum(["count", "time"]).default("count"),
      })
      .prefault({}),
    outbox: withMethods<OutboxLike>(["write"], "expected an outbox with write(tx, message)").optional(),
    trace: withMethods<TraceBridge>(
      ["current", "run"],
      "expected openTelemetryTrace(api) or { current, run }",
    ).optional(),
    timeoutMs: timeoutOption(500),
    maxPayload: bytesOption.pipe(z.number().max(512 * 1024 ** 2)).default(1024 ** 2),
    retention: z.strictObject({ finished: kept(1000, DAY_MS), dead: kept(100_000, 30 * DAY_MS) }).prefault({}),
  })
  .refine(({ plans, fairness }) => plans === undefined || fairness.share === undefined, {
    path: ["fairness", "share"],
    message: "expected either plans or a share",
  });

export interface ParsedQueueOptions {
  readonly name: string;
  readonly store: QueueStore;
  readonly plans?: PlanResolver | undefined;
  readonly fairness: { readonly share?: ShareOption | undefined; readonly charge: "count" | "time" };
  readonly outbox?: OutboxLike | undefined;
  readonly trace?: TraceBridge | undefined;
  readonly timeoutMs: number;
  readonly maxPayload: number;
  readonly retention: Retention;
}

/** @throws {ConfigError} that names every wrong option */
export function parseQueueOptions(options: QueueOptions): ParsedQueueOptions {
  return parseOptions(optionsSchema, options, "createQueue");
}
