import { ConfigError, InputError } from "@scale/core";
import { describeValue, durationOption, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { backoffOption, DEFAULT_BACKOFF } from "./backoff.js";
import { isStandardSchema, type SchemaInput, type SchemaOutput, type StandardSchema } from "./standard-schema.js";
import type { JobDefinition, JobOptions, Jobs } from "./types.js";

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const MAX_KEY_LENGTH = 1024;

const schemaOption = z.custom<StandardSchema>(isStandardSchema, "expected a Standard Schema such as z.object({ … })");
const span = durationOption.pipe(z.number().min(1).max(YEAR_MS));
type AnyFunction<R> = (payload: unknown) => R;

const optionsSchema = z.strictObject({
  input: schemaOption,
  output: schemaOption.optional(),
  version: z.int().min(1).max(1_000_000).default(1),
  migrate: z
    .record(
      z.string().regex(/^[1-9]\d*$/, "expected a version, an integer >= 1"),
      functionOption<AnyFunction<unknown>>(),
    )
    .default({}),
  attempts: z.int().min(1).max(10_000).default(3),
  backoff: backoffOption.default(DEFAULT_BACKOFF),
  timeout: span.default(300_000),
  deadline: span.optional(),
  maxCrashes: z.int().min(0).max(1000).default(3),
  priority: z.enum(["high", "normal", "low"]).default("normal"),
  idempotencyKey: functionOption<AnyFunction<unknown>>().optional(),
  idempotencyTtl: span.default(DAY_MS),
  cost: z
    .union([z.number().gt(0).max(1_000_000), functionOption<AnyFunction<unknown>>("a number above 0 or a function")])
    .default(1),
});

/**
 * Declares a kind of job.
 * @throws {ConfigError} that names the wrong option
 */
export function job<In extends StandardSchema, Out extends StandardSchema = StandardSchema<unknown, unknown>>(
  options: JobOptions<In, Out>,
): JobDefinition<SchemaInput<In>, SchemaOutput<In>, SchemaInput<Out>> {
  const parsed = parseOptions(optionsSchema, options, "job");
  const { version, idempotencyKey, cost } = parsed;
  return Object.freeze({
    input: options.input,
    output: options.output,
    version,
    migrations: migrationsOf(parsed.migrate, version),
    maxAttempts: parsed.attempts,
    maxCrashes: parsed.maxCrashes,
    backoff: parsed.backoff,
    timeoutMs: parsed.timeout,
    deadlineMs: parsed.deadline,
    priority: parsed.priority,
    idempotencyTtlMs: parsed.idempotencyTtl,
    idempotencyKeyOf: (data: unknown) => (idempotencyKey === undefined ? undefined : checkedKey(idempotencyKey(data))),
    costOf: (data: unknown) => (typeof cost === "number" ? cost : checkedCost(cost(data))),
  });
}

/**
 * Declares the jobs of a queue by name.
 * @throws {ConfigError} for a name that is not a string of 1 to 100 characters, and for a value that is not a `job`
 */
export function defineJobs<const J extends Jobs>(jobs: J): J {
  for (const [name, definition] of Object.entries(jobs)) {
    if (name.length === 0 || name.length > 100) {
      throw new ConfigError(`defineJobs: expected names of 1 to 100 characters, got ${describeValue(name)}`);
    }
    if (typeof definition !== "object" || definition === null || !("idempotencyKeyOf" in definition)) {
      throw new ConfigError(`defineJobs: ${name}: expected job({ … }), got ${describeValue(definition)}`);
    }
  }
  return Object.freeze({ ...jobs });
}

/** Jobs of another tenant's making, such as the name `constructor`, find nothing. */
export const findJob = (jobs: Jobs, name: string): JobDefinition | undefined =>
  Object.hasOwn(jobs, name) ? jobs[name] : undefined;

/** Every version since the first with a migration has one, so that no waiting job meets a gap. */
function migrationsOf(
  migrate: Readonly<Record<string, AnyFunction<unknown>>>,
  version: number,
): ReadonlyMap<number, AnyFunction<unknown>> {
  const migrations = new Map(Object.entries(migrate).map(([from, next]) => [Number(from), next]));
  const versions = [...migrations.keys()];
  for (let from = Math.min(...versions, version); from < version; from++) {
    if (!migrations.has(from)) throw new ConfigError(`job: migrate: expected a function for version ${from}, got none`);
  }
  const late = versions.find((from) => from >= version);
  if (late === undefined) return migrations;
  throw new ConfigError(`job: migrate: expected versions below ${version}, got ${late}`);
}

export function checkedKey(key: unknown): string {
  if (typeof key === "string" && key.length > 0 && key.length <= MAX_KEY_LENGTH) return key;
  throw new InputError(
    `idempotencyKey: expected a string of 1 to ${MAX_KEY_LENGTH} characters, got ${describeValue(key)}`,
  );
}

export function checkedCost(cost: unknown): number {
  if (typeof cost === "number" && cost > 0 && cost <= 1_000_000) return cost;
  throw new InputError(`cost: expected a number above 0 and up to 1,000,000, got ${describeValue(cost)}`);
}
