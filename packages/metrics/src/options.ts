import { type Clock, type Duration, systemClock } from "@scale/core";
import { clockOption, durationOption, functionOption } from "@scale/core/kit";
import { z } from "zod";
import type { PromClientRegistry } from "./prom-client/types.js";
import type { MetricsSink } from "./sink.js";
import type { ProblemOptions } from "./summary/problems.js";

export interface TenantOptions {
  /**
   * Tenants with series of their own, those with the most traffic. All others share the series `tenant="other"`.
   * @default 500
   */
  readonly max?: number;
  /**
   * Time over which traffic is compared. A tenant that becomes heavy has its series within one window.
   * @default "15s"
   */
  readonly window?: Duration;
  /**
   * How many times the traffic of the lightest tenant another one needs to take its series.
   * @default 2
   */
  readonly hysteresis?: number;
}

export interface MetricsOptions {
  readonly tenants?: TenantOptions;
  /** A registry of prom-client whose metrics, default metrics included, are part of every exposition. */
  readonly registry?: PromClientRegistry;
  /** Other systems that receive the metrics: `statsdSink`, `otlpSink`, `sentrySink`. */
  readonly sinks?: readonly MetricsSink[];
  /**
   * True to record the events of every `@scale` package: see the list of metrics.
   * @default true
   */
  readonly events?: boolean;
  /**
   * True to record the event loop, garbage collection, memory and CPU of this process.
   * @default true
   */
  readonly process?: boolean;
  /** When a tenant has a problem. */
  readonly problems?: ProblemOptions;
  /**
   * Maximum number of label sets of a metric. Further ones are counted together, with `other` as the value of each label.
   * @default 1000
   */
  readonly maxLabelSets?: number;
  /**
   * Longest time of the event loop that a rendering takes at once, in milliseconds.
   * @default 1
   */
  readonly sliceMs?: number;
  /** Function that returns the labels of an exemplar, such as `{ trace_id }` of the active span, or `undefined`. */
  readonly exemplar?: () => Readonly<Record<string, string>> | undefined;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const share = z.number().gt(0).max(1);
const has = (value: unknown, method: string): boolean =>
  typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[method] === "function";

/** Options with their defaults. */
export interface ParsedOptions {
  readonly tenants: { readonly max: number; readonly window: number; readonly hysteresis: number };
  readonly registry?: PromClientRegistry | undefined;
  readonly sinks: readonly MetricsSink[];
  readonly events: boolean;
  readonly process: boolean;
  readonly problems: Required<ProblemOptions>;
  readonly maxLabelSets: number;
  readonly sliceMs: number;
  readonly exemplar?: MetricsOptions["exemplar"];
  readonly clock: Clock;
}

export const optionsSchema: z.ZodType<ParsedOptions> = z.strictObject({
  tenants: z
    .strictObject({
      max: z.int().min(1).max(100_000).default(500),
      window: durationOption.default(15_000),
      hysteresis: z.number().min(1).max(1000).default(2),
    })
    .prefault({}),
  registry: z
    .custom<PromClientRegistry>((value) => has(value, "getMetricsAsArray"), "expected a registry of prom-client")
    .optional(),
  sinks: z
    .array(
      z.custom<MetricsSink>(
        (value) => has(value, "start") && has(value, "close"),
        "expected a sink such as statsdSink()",
      ),
    )
    .default([]),
  events: z.boolean().default(true),
  process: z.boolean().default(true),
  problems: z
    .strictObject({
      errorRatio: share.default(0.05),
      p95Ms: z.number().positive().default(500),
      minRequests: z.int().min(1).default(50),
      recoverAt: share.default(0.8),
    })
    .prefault({}),
  maxLabelSets: z.int().min(1).max(1_000_000).default(1000),
  sliceMs: z.number().min(0.1).max(1000).default(1),
  exemplar: functionOption<NonNullable<MetricsOptions["exemplar"]>>().optional(),
  clock: clockOption.default(systemClock),
});
