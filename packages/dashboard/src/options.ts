import { type Clock, systemClock } from "@scale/core";
import { clockOption, functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { DashboardSource } from "./types.js";

/** The part of a health of `@scale/health` that the page reads. */
export interface HealthSource {
  ready(): Promise<{
    readonly checks: readonly {
      readonly name: string;
      readonly status: "pass" | "warn" | "fail";
      readonly output?: string | undefined;
    }[];
  }>;
}

export interface DashboardOptions {
  readonly source: DashboardSource;
  /**
   * Predicate for callers that may see the page and its data: the page names tenants. An error of it is a no.
   * @default no caller
   */
  readonly authorize?: (facts: HttpFacts) => boolean | Promise<boolean>;
  /** A health of `@scale/health`, whose checks are the dependencies of the page. */
  readonly health?: HealthSource;
  /** @default "Scale" */
  readonly title?: string;
  /** Path at which the page is mounted. @default "/scale" */
  readonly path?: string;
  /** Time between two messages, in milliseconds. @default 1_000 */
  readonly everyMs?: number;
  /** Maximum number of open pages. One more gets 503. @default 50 */
  readonly maxViewers?: number;
  readonly clock?: Clock;
}

const withMethod = <T>(method: string, expected: string): z.ZodType<T> =>
  z.custom<T>(
    (value) => typeof value === "object" && value !== null && typeof Reflect.get(value, method) === "function",
    `expected ${expected}`,
  );

const optionsSchema = z.strictObject({
  source: withMethod<DashboardSource>("read", "a source with read"),
  authorize: functionOption<NonNullable<DashboardOptions["authorize"]>>().default(() => () => false),
  health: withMethod<HealthSource>("ready", "a health of createHealth").optional(),
  title: z.string().min(1).max(100).default("Scale"),
  path: z
    .string()
    .regex(/^(?:\/[\w.~-]+)+$/, "expected a path such as /scale, without a slash at its end")
    .default("/scale"),
  everyMs: z.number().min(100).max(60_000).default(1_000),
  maxViewers: z.int().min(1).max(10_000).default(50),
  clock: clockOption.default(systemClock),
});

export interface ParsedDashboardOptions extends Required<Omit<DashboardOptions, "health">> {
  readonly health?: HealthSource | undefined;
}

/** @throws {ConfigError} that names the wrong option */
export function parseDashboardOptions(options: DashboardOptions): ParsedDashboardOptions {
  return parseOptions(optionsSchema, options, "createDashboard");
}
