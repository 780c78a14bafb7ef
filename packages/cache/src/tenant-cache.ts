import type { Duration } from "@scale/core";
import type { Receipt } from "./coherence/invalidate.js";
import type { Counts } from "./coherence/tenant-state.js";
import type { Definition } from "./definition/definition.js";
import type { CacheResult } from "./get/flight.js";
import type { TenantUsage } from "./memory/types.js";

export interface InvalidateOptions {
  /** `applied` rejects with `SCALE_STORE` unless the store has applied the invalidation. It is queued all the same. */
  readonly require?: "applied";
}

export interface GetOrSetOptions {
  readonly ttl: Duration;
  /** Namespace of the key: equal keys of different namespaces are different entries. @default "default" */
  readonly namespace?: string;
}

/** The interface of `dataloader`. It remembers nothing itself: the cache does, for all requests. */
export interface DataLoader<P, V> {
  load(params: P): Promise<V>;
  /** As in `dataloader`, a failure is a value. */
  loadMany(params: readonly P[]): Promise<(V | Error)[]>;
  clear(params: P): Promise<Receipt>;
  prime(params: P, value: V): Promise<Receipt>;
}

/** The cache of one tenant. A cheap handle: create one for each request, or keep it. */
export interface TenantCache {
  readonly tenantId: string;
  /**
   * Returns the value from memory, from the store, or from the loader. One caller of all processes loads.
   * @throws what the loader throws; errors of the store are published and never thrown
   */
  get<P, V>(definition: Definition<P, V>, params: P): Promise<V>;
  /** Returns a fresh value from memory only. `undefined` also for a value that is `undefined`. */
  peek<P, V>(definition: Definition<P, V>, params: P): V | undefined;
  /** Returns a fresh value from memory or the store. Loads nothing, and does not wait for a load that is running. */
  getIfPresent<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V> | undefined>;
  /** As `get`, with the source and the age of the value. */
  getWithInfo<P, V>(definition: Definition<P, V>, params: P): Promise<CacheResult<V>>;
  /** Returns the values in the order of `params`. Missing ones are loaded with one `loadMany`, if the definition has it. */
  getMany<P, V>(definition: Definition<P, V>, params: readonly P[]): Promise<V[]>;
  /**
   * Writes a value that is known to be current. Call it after the change was committed. `ttl` replaces that of the
   * definition. A set with a lower `version`, an integer, than that of the current value is refused.
   */
  set<P, V>(
    definition: Definition<P, V>,
    write: { readonly params: P; readonly value: V; readonly version?: number; readonly ttl?: Duration },
  ): Promise<Receipt>;
  /** Invalidates a value. Call it after the change was committed. A load that is running is kept nowhere. */
  invalidate<P>(definition: Definition<P, unknown>, params: P, options?: InvalidateOptions): Promise<Receipt>;
  /** Invalidates all values that have one of the tags, in one round trip. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Receipt>;
  /** Invalidates all values of the tenant, in one round trip. */
  clear(options?: InvalidateOptions): Promise<Receipt>;
  /** Returns a value that needs no definition: key, loader and ttl come with the call. */
  getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V>;
  /** Batches the loads of one turn of the event loop, as `dataloader` does, through the cache. */
  dataLoader<P, V>(definition: Definition<P, V>): DataLoader<P, V>;
  /** Returns counters since this process knows the tenant. */
  stats(): Readonly<Counts>;
  /** Returns the memory usage of the tenant in this process; `undefined` without entries. */
  usage(): TenantUsage | undefined;
}
