import { ConfigError } from "@scale/core";
import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Jobs } from "../jobs/types.js";
import type { AnyHandler } from "./attempt.js";
import type { WorkerOptions } from "./types.js";

const optionsSchema = z.strictObject({
  concurrency: z.int().min(1).max(10_000).default(10),
  leaseMs: z.int().min(100).max(3_600_000).default(7000),
  random: functionOption<() => number>().default(() => Math.random),
});

export type ParsedWorkerOptions = Required<WorkerOptions>;

/** @throws {ConfigError} that names every wrong option */
export function parseWorkerOptions(options: WorkerOptions): ParsedWorkerOptions {
  return parseOptions(optionsSchema, options, "createWorker");
}

/**
 * Handlers by name of their job.
 * @throws {ConfigError} for a job without a handler, and for a handler without a job
 */
export function parseHandlers(jobs: Jobs, handlers: object): ReadonlyMap<string, AnyHandler> {
  const parsed = new Map<string, AnyHandler>();
  for (const name of Object.keys(jobs)) {
    const handler: unknown = Object.hasOwn(handlers, name) ? Reflect.get(handlers, name) : undefined;
    if (typeof handler !== "function") {
      throw new ConfigError(
        `createWorker: ${name}: expected a function that runs the job, got ${describeValue(handler)}`,
      );
    }
    // Called only with data that the schema of its job has returned.
    parsed.set(name, handler as AnyHandler);
  }
  const stray = Object.keys(handlers).find((name) => !parsed.has(name));
  if (stray === undefined) return parsed;
  throw new ConfigError(`createWorker: expected handlers of the jobs of the queue, got one of ${describeValue(stray)}`);
}
