import { type Clock, systemClock } from "@scale/core";
import { clockOption, functionOption, methodOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { ActionsOptions, OperatorAction } from "./actions/types.js";
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
  /**
   * Buttons for operators, with an `authorize` of their own. A request must pass that of the page too, and come from the page
   * itself.
   * @default none
   */
  readonly actions?: ActionsOptions;
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

const MAX_ACTIONS = 50;

const actionSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,49}$/, "expected lower-case letters, digits and hyphens"),
  label: z.string().min(1).max(60),
  description: z.string().max(300).optional(),
  endLabel: z.string().min(1).max(60).optional(),
  run: functionOption<OperatorAction["run"]>(),
  isRecovered: functionOption<NonNullable<OperatorAction["isRecovered"]>>().optional(),
});

const actionsSchema = z.strictObject({
  title: z.string().min(1).max(60).default("Actions"),
  authorize: functionOption<ActionsOptions["authorize"]>("a function that allows or refuses a caller"),
  list: z
    .array(actionSchema)
    .max(MAX_ACTIONS)
    .refine((list) => new Set(list.map(({ id }) => id)).size === list.length, "expected each id once"),
});

const optionsSchema = z.strictObject({
  source: methodOption<DashboardSource>("read", "a source with read"),
  authorize: functionOption<NonNullable<DashboardOptions["authorize"]>>().default(() => () => false),
  health: methodOption<HealthSource>("ready", "a health of createHealth").optional(),
  actions: actionsSchema.default({ title: "Actions", authorize: () => false, list: [] }),
  title: z.string().min(1).max(100).default("Scale"),
  path: z
    .string()
    .regex(/^(?:\/[\w.~-]+)+$/, "expected a path such as /scale, without a slash at its end")
    .default("/scale"),
  everyMs: z.number().min(100).max(60_000).default(1_000),
  maxViewers: z.int().min(1).max(10_000).default(50),
  clock: clockOption.default(systemClock),
});

export interface ParsedDashboardOptions extends Required<Omit<DashboardOptions, "health" | "actions">> {
  readonly health?: HealthSource | undefined;
  readonly actions: Required<ActionsOptions>;
}

/** @throws {ConfigError} that names the wrong option */
export function parseDashboardOptions(options: DashboardOptions): ParsedDashboardOptions {
  return parseOptions(optionsSchema, options, "createDashboard");
}
