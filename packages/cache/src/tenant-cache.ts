import type { Duration } from "@scale/core";
import type { DataLoader } from "./adapters/data-loader.js";
import type { Definition } from "./definition/definition.js";
import type { Source } from "./get/flight.js";
import type { TenantUsage } from "./memory/types.js";
import type { Counts } from "./coherence/tenant-state.js";
import type { Receipt } from "./coherence/invalidate.js";

/** A value and what is known of it. */
export interface CacheResult<V> {
  readonly value: V;
  readonly source: Source;
  readonly ageMs: number;
  /** True when its time had run out. */
  readonly isStale: boolean;
}

export interface SetOptions {
  /** A set with a lower version than that of the value that is there is refused. A whole number. */
  readonly version?: number;
  /** In place of that of the definition. */
  readonly ttl?: Duration;
}

export interface InvalidateOptions {
  /** Rejects with `SCALE_STORE` unless the invalidation has been applied. It is queued all the same. */
  readonly require?: "applied";
}

/** The cache of one tenant. A cheap handle: make one for each request, or keep it. */
export interface TenantCache {
  readonly tenantId: string;
  /**
   * The value, from memory, from the store or loaded. Of all callers of all processes one loads.
   * @throws what the loader throws; what the store throws is published and never seen here
   */
  get<P, V>(definition: Definition<P, V>, params: P): Promise<V>;
  /** The value if it is in memory and fresh. Asks nobody. `undefined` also for a value that is `undefined`. */
  peek<P, V>(definition: Definition<P, V>, params: P): V | undefined;
  /** The value if memory or the store has it, fresh: nothing is loaded, and nobody is waited for who loads it. */
  getIfPresent<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V> | undefined>;
  /** As `get`, with what is known of the value. */
  getWithInfo<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V>>;
  /** The values in the order of `params`. What has to be loaded is loaded with one `loadMany`, if there is one. */
  getMany<P, V>(definition: Definition<P, V>, params: readonly P[]): Promise<V[]>;
  /** Puts a value that is known to be true, after it has been committed. */
  set<P, V>(definition: Definition<P, V>, at: { params: P; value: V } & SetOptions): Promise<Receipt>;
  /** Ends a value, after the change has been committed. What is being loaded meanwhile is kept nowhere. */
  invalidate<P>(definition: Definition<P, unknown>, params: P, options?: InvalidateOptions): Promise<Receipt>;
  /** Ends all values that have one of the tags. One round trip, however many they are. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt>;
  /** Ends all values of the tenant. One round trip, however many they are. */
  clear(options?: InvalidateOptions): Promise<Receipt>;
  /** For what needs no definition: a value that is named where it is used. */
  getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V>;
  /** Loads what is asked for in one turn of the event loop together, as `dataloader` does, through the cache. */
  dataLoader<P, V>(definition: Definition<P, V>): DataLoader<P, V>;
  /** Since this process knows the tenant. */
  stats(): Readonly<Counts>;
  /** What it has in the memory of this process now; `undefined` for nothing. */
  usage(): TenantUsage | undefined;
}

export interface GetOrSetOptions {
  readonly ttl: Duration;
  /** Keeps equal keys apart. @default "default" */
  readonly namespace?: string;
}
