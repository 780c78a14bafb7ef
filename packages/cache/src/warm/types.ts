import type { Definition } from "../definition/definition.js";

/** Gives the params of one tenant: all at once, or as they come. It runs inside `tenancy.run` of the tenant. */
export type ParamsSource<P> = (
  tenantId: string,
) => Iterable<P> | AsyncIterable<P> | PromiseLike<Iterable<P> | AsyncIterable<P>>;

/** What is warmed of each tenant: values of a definition, and which. */
export type WarmEntry<P> = readonly [definition: Definition<P, unknown>, paramsOf: ParamsSource<P>];

/** The params of each source are those of the definition beside it. */
export type WarmEntries<Params extends readonly unknown[]> = { readonly [I in keyof Params]: WarmEntry<Params[I]> };

export interface WarmOptions<Params extends readonly unknown[] = readonly unknown[]> {
  /** Ids, read as they are needed. Who matters most goes last: see `memory`. */
  readonly tenants: Iterable<string> | AsyncIterable<string>;
  /** Done for each tenant in this order. */
  readonly entries: WarmEntries<Params>;
  /**
   * Values, or batches of values of a definition with `loadMany`, that are under way at the same time.
   * @default 8
   */
  readonly concurrency?: number;
  /**
   * The same, of one tenant.
   * @default 2
   */
  readonly perTenantConcurrency?: number;
  /**
   * Values that are loaded in any second, at most; up to a tenth of them at once, so about nine tenths on the average. What
   * is there already does not count.
   * @default no limit
   */
  readonly maxLoadsPerSecond?: number;
  /**
   * `cold`: what is warmed enters this process's memory where there is room, displaces nothing that a reader has asked for,
   * and is itself displaced first, the longest warmed before the others. `skip`: only the store gets it.
   * @default "cold"
   */
  readonly memory?: "cold" | "skip";
  /** Ends it early: nothing more is begun, and what is under way is waited for. */
  readonly signal?: AbortSignal;
  /** What an earlier run with the same `tenants`, in the same order, and the same `entries` gave as `resume`. */
  readonly resume?: string;
}

export interface WarmCounts {
  /** Values that this run loaded. One that was invalidated meanwhile is counted, and kept nowhere. */
  readonly loaded: number;
  /** Values that were there, or that somebody else was loading. */
  readonly fresh: number;
  /** Values, sources and tenants that failed. */
  readonly failed: number;
}

export interface WarmProgress extends WarmCounts {
  /** Tenants that are wholly finished, those before `resume` included. */
  readonly done: number;
  /** Tenants in all; `undefined` unless `tenants` is an array or a set. */
  readonly total: number | undefined;
  /** At the pace so far; `undefined` while it cannot be said. */
  readonly etaMs: number | undefined;
  /** Values per second so far, loaded or not. */
  readonly perSecond: number;
  /** Where a run would go on, had this one ended now. */
  readonly resume: string | undefined;
}

export interface WarmFailure {
  /** As it was given. */
  readonly tenantId: string;
  /** Of the definition; `undefined` when the tenant's id is none. */
  readonly name: string | undefined;
  /** Of the value; `undefined` when its source failed. */
  readonly key: string | undefined;
  readonly error: unknown;
}

export interface WarmReport extends WarmCounts {
  /** As in the progress. */
  readonly done: number;
  /** True when it was ended before its end. */
  readonly isAborted: boolean;
  readonly durationMs: number;
  /** The first 100. */
  readonly failures: readonly WarmFailure[];
  /** Give it to a run that is to go on here; `undefined` when nothing is left, and when nothing was finished. */
  readonly resume: string | undefined;
}

/**
 * A run that has begun. `await` gives the report; `for await` the progress, four times a second and once at the end.
 * Whoever reads the progress slowly, or not at all, holds up nothing.
 */
export interface WarmRun extends PromiseLike<WarmReport>, AsyncIterable<WarmProgress> {
  /** What has been done so far. */
  report(): WarmReport;
}
