import { type Clock, systemClock } from "@scale/core";
import { clockOption, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { ThroughputLimitOptions } from "./limit/throughput-limit.js";
import type { TenantShare } from "./types.js";

export interface ShedderOptions {
  /** Appears in events. @default "default" */
  readonly name?: string;
  /**
   * Cost that may be in progress at once: a number, or bounds between which the limit is found from the throughput. A
   * request with a higher cost runs alone.
   * @default { initial: 50, min: 4, max: 1000 }
   */
  readonly concurrency?: number | { readonly initial?: number; readonly min?: number; readonly max?: number };
  /**
   * Maximum time in milliseconds that a request waits for room. 0 refuses instead of waiting.
   * @default 100
   */
  readonly maxWaitMs?: number;
  /**
   * Maximum number of requests in the queue, of all tenants together.
   * @default 1000
   */
  readonly maxWaiting?: number;
  /**
   * Delay of the event loop in milliseconds above which the rate of admissions is limited, once the loop has been late for five
   * times as long; `false` does not watch it.
   * @default 100
   */
  readonly eventLoopDelayMs?: number | false;
  /**
   * Function that returns the share of a tenant, from its plan for example. It runs for every request.
   * @default () => ({ weight: 1, priority: 0 })
   */
  readonly share?: (tenantId: string) => TenantShare;
  readonly clock?: Clock;
}

const limit = z.int().min(1).max(1_000_000);

const optionsSchema = z.strictObject({
  name: z.string().min(1).max(100).default("default"),
  concurrency: z
    .union([
      limit,
      z
        .strictObject({ initial: limit.default(50), min: limit.default(4), max: limit.default(1_000) })
        .refine(({ min, initial, max }) => min <= initial && initial <= max, {
          path: ["initial"],
          message: "expected at least min and at most max",
        }),
    ])
    .prefault({}),
  maxWaitMs: z.number().min(0).max(60_000).default(100),
  maxWaiting: z.int().min(0).max(100_000).default(1_000),
  eventLoopDelayMs: z.union([z.number().min(1).max(60_000), z.literal(false)]).default(100),
  share: functionOption<NonNullable<ShedderOptions["share"]>>().default(() => () => EQUAL),
  clock: clockOption.default(systemClock),
});

const EQUAL: TenantShare = Object.freeze({ weight: 1, priority: 0 });

export interface ParsedShedderOptions extends Required<Omit<ShedderOptions, "concurrency">> {
  readonly concurrency: number | ThroughputLimitOptions;
}

/** @throws {ConfigError} that names the wrong option */
export function parseShedderOptions(options: ShedderOptions): ParsedShedderOptions {
  return parseOptions(optionsSchema, options, "createShedder");
}
