import type { Duration } from "@scale/core";
import type { JobPriority } from "../types.js";
import type { Backoff, ParsedBackoff } from "./backoff.js";
import type { SchemaInput, SchemaOutput, StandardSchema } from "./standard-schema.js";

/**
 * A kind of job, as `job` returns it: plain data that producers and workers import without a connection.
 * @typeParam Input data that `enqueue` takes
 * @typeParam Data data that the handler gets
 * @typeParam Output result that the handler returns
 */
export interface JobDefinition<Input = unknown, Data = unknown, Output = unknown> {
  readonly input: StandardSchema<Input, Data>;
  readonly output: StandardSchema<Output, unknown> | undefined;
  readonly version: number;
  readonly migrations: ReadonlyMap<number, (payload: unknown) => unknown>;
  readonly maxAttempts: number;
  readonly maxCrashes: number;
  readonly backoff: ParsedBackoff;
  readonly timeoutMs: number;
  /** `undefined`: jobs without a deadline of their own have none. */
  readonly deadlineMs: number | undefined;
  readonly priority: JobPriority;
  readonly idempotencyTtlMs: number;
  /** @throws {InputError} for a key that is not a string of 1 to 1,024 characters */
  idempotencyKeyOf(data: unknown): string | undefined;
  /** @throws {InputError} for a cost that is not a number above 0 */
  costOf(data: unknown): number;
}

/** Jobs by name, as `defineJobs` returns them. */
export type Jobs = Readonly<Record<string, JobDefinition>>;

export type JobName<J extends Jobs> = keyof J & string;

/** Type of the data that `enqueue` takes for a job. */
export type JobInput<D extends JobDefinition> = SchemaInput<D["input"]>;

/** Type of the data that the handler of a job gets. */
export type JobData<D extends JobDefinition> = SchemaOutput<D["input"]>;

/** Type of the result that the handler of a job returns; `unknown` for a job without an output schema. */
export type JobOutput<D extends JobDefinition> =
  NonNullable<D["output"]> extends StandardSchema<infer Output, unknown> ? Output : unknown;

/** A kind of job, as written in `defineJobs`. */
export interface JobOptions<In extends StandardSchema, Out extends StandardSchema> {
  /**
   * Schema of the data. It is checked by `enqueue`, and again by the worker, which gives its result to the handler. Data is
   * stored as JSON: for a date take a string, or a schema that coerces one.
   */
  readonly input: In;
  /** Schema of the result. Without one the result is not stored. */
  readonly output?: Out;
  /**
   * Version of the input schema, an integer >= 1. Raise it when waiting jobs of the last version would not match.
   * @default 1
   */
  readonly version?: number;
  /**
   * Function for each older version that returns the data of the next one. A job of version 1 passes `migrate[1]`, then
   * `migrate[2]`, and so on. Declare the type of the parameter: it is what that version stored.
   */
  readonly migrate?: Readonly<Record<number, (payload: never) => unknown>>;
  /**
   * Attempts allowed. A worker crash is not an attempt.
   * @default 3
   */
  readonly attempts?: number;
  /** @default { kind: "exponential", base: "1s", max: "5m", jitter: "full" } */
  readonly backoff?: Backoff;
  /**
   * Running time after which the signal of an attempt aborts and the attempt has failed.
   * @default "5m"
   */
  readonly timeout?: Duration;
  /**
   * Time from the enqueue after which the job is not worth running: it becomes dead with the reason `expired`.
   * @default no deadline
   */
  readonly deadline?: Duration;
  /**
   * Worker crashes allowed. One more while the job runs, and it is dead with the reason `poison`.
   * @default 3
   */
  readonly maxCrashes?: number;
  /**
   * Order among the jobs of one tenant.
   * @default "normal"
   */
  readonly priority?: JobPriority;
  /** Function that returns the key under which a second job of the tenant is not stored. It runs on checked data. */
  idempotencyKey?(data: SchemaOutput<In>): string;
  /**
   * Time for which an idempotency key holds, whatever becomes of its job.
   * @default "24h"
   */
  readonly idempotencyTtl?: Duration;
  /**
   * Units that a job takes of its tenant's share, above 0: a number, or a function of the checked data.
   * @default 1
   */
  cost?: number | ((data: SchemaOutput<In>) => number);
}
