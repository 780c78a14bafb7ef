import { functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Authorize } from "../http/access.js";
import type { Queue } from "../queue/types.js";
import { maskValues, type Redact } from "./redact.js";

/** The part of a queue that the dashboard reads. */
export type DashboardQueue = Pick<Queue, "name" | "counts" | "get" | "list" | "tenants">;

export interface QueueDashboardOptions {
  readonly queues: readonly DashboardQueue[];
  /**
   * Function that returns the access of the sender of a request. There is no default: without it the dashboard would be open
   * to every client that finds its address.
   */
  readonly authorize: Authorize;
  /**
   * Path under which the dashboard is mounted, as the client sends it.
   * @default "/admin/queues"
   */
  readonly path?: string;
  /**
   * Function that returns what the dashboard shows of a job. The default masks every value of its data, its output and its
   * error: keys and types stay.
   */
  readonly redact?: Redact;
  /** @default "Queues" */
  readonly title?: string;
}

export interface ParsedDashboardOptions {
  readonly queues: readonly DashboardQueue[];
  readonly authorize: Authorize;
  readonly path: string;
  readonly redact: Redact;
  readonly title: string;
}

const isQueue = (value: unknown): value is DashboardQueue =>
  typeof value === "object" && value !== null && "list" in value && "get" in value && "name" in value;

const optionsSchema = z.strictObject({
  queues: z.array(z.custom<DashboardQueue>(isQueue, "expected a queue of createQueue")).min(1),
  authorize: functionOption<Authorize>("a function that returns the access of a request"),
  path: z
    .string()
    .startsWith("/")
    .default("/admin/queues")
    .transform((path) => path.replace(/\/+$/, "")),
  redact: functionOption<Redact>().default(() => maskValues),
  title: z.string().default("Queues"),
});

/** @throws {ConfigError} that names every wrong option */
export function parseDashboardOptions(options: QueueDashboardOptions): ParsedDashboardOptions {
  return parseOptions(optionsSchema, options, "queueDashboard");
}
