import type { Definition } from "../definition/definition.js";

/**
 * A definition, and the source of the params of its values to warm for each tenant, all at once or as a stream. The source runs
 * inside `tenancy.run` of the tenant.
 */
export type WarmEntry<P> = readonly [
  definition: Definition<P, unknown>,
  paramsOf: (tenantId: string) => Iterable<P> | AsyncIterable<P> | PromiseLike<Iterable<P> | AsyncIterable<P>>,
];

export interface WarmOptions<Params extends readonly unknown[] = readonly unknown[]> {
  /** Tenant ids, read as they are needed. The tenants that matter most go last: see `memory`. */
  readonly tenants: Iterable<string> | AsyncIterable<string>;
  /** The entries to warm for each tenant, in this order. The params of each source are those of the definition beside it. */
  readonly entries: { readonly [I in keyof Params]: WarmEntry<Params[I]> };
  /**
   * Maximum number of values in progress, or of batches of a definition with `loadMany`.
   * @default 8
   */
  readonly concurrency?: number;
  /**
   * The same limit for one tenant.
   * @default 2
   */
  readonly perTenantConcurrency?: number;
  /**
   * Maximum number of values loaded in any second. Up to a tenth of it is loaded at once, so the average is about nine tenths.
   * Values that are already fresh do not count.
   * @default no limit
   */
  readonly maxLoadsPerSecond?: number;
  /**
   * Use of this process's memory. `cold`: warmed values enter it where there is room. They evict nothing that a reader asked
   * for, and are evicted before it, the oldest first. `skip`: only the store gets them.
   * @default "cold"
   */
  readonly memory?: "cold" | "skip";
  /** Aborts the run: it starts nothing more, and waits for the loads in progress. */
  readonly signal?: AbortSignal;
  /** The `resume` of an earlier run with the same `entries` and the same `tenants` in the same order. */
  readonly resume?: string;
}

export interface WarmFailure {
  /** Tenant id as `tenants` contained it. */
  readonly tenantId: string;
  /** Name of the definition; `undefined` for an invalid tenant id. */
  readonly name: string | undefined;
  /** Key of the value; `undefined` if the source of its params failed. */
  readonly key: string | undefined;
  readonly error: unknown;
}

export interface WarmReport {
  /** Number of finished tenants, including those before `resume`. */
  readonly done: number;
  /** Number of values that this run loaded. It includes values that were invalidated meanwhile, which are not stored. */
  readonly loaded: number;
  /** Number of values that were fresh already, or that another caller was loading. */
  readonly fresh: number;
  /** Number of values, sources and tenants that failed. */
  readonly failed: number;
  /** True if the run was aborted before its end. */
  readonly isAborted: boolean;
  readonly durationMs: number;
  /** The first 100 failures. */
  readonly failures: readonly WarmFailure[];
  /** Pass it to another run to continue here. `undefined` if nothing is left, and if nothing was finished. */
  readonly resume: string | undefined;
}

export interface WarmProgress extends Pick<WarmReport, "done" | "loaded" | "fresh" | "failed" | "resume"> {
  /** Number of all tenants; `undefined` unless `tenants` is an array or a set. */
  readonly total: number | undefined;
  /** Estimated milliseconds left at the rate so far; `undefined` without an estimate. */
  readonly etaMs: number | undefined;
  /** Values per second so far, loaded or fresh. */
  readonly perSecond: number;
}

/**
 * A run that has begun. `await` resolves with the report. `for await` yields the progress four times a second and once at the
 * end. A slow reader of the progress does not slow the run down.
 */
export interface WarmRun extends PromiseLike<WarmReport>, AsyncIterable<WarmProgress> {
  /** The report so far. */
  report(): WarmReport;
}
