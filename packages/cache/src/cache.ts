import { tenancy } from "@scale/core";
import { parseTenantId } from "@scale/core/kit";
import type { CacheContext } from "./coherence/context.js";
import { createLeaseRenewer } from "./coherence/lease-renewal.js";
import { createLeaseReturns } from "./coherence/lease-returns.js";
import { createRetryQueue } from "./coherence/retry-queue.js";
import { createStalenessBound } from "./coherence/staleness-bound.js";
import { createTenantStates } from "./coherence/tenant-state.js";
import { define, type Definition, type DefinitionOptions } from "./definition/definition.js";
import { createInlineDefinitions } from "./definition/inline-definition.js";
import { coarseClock } from "./get/coarse-clock.js";
import type { MemoryStats } from "./memory/types.js";
import { type CacheOptions, parseCacheOptions } from "./options.js";
import type { GetOrSetOptions, TenantCache } from "./tenant-cache.js";
import { TenantHandle } from "./tenant-handle.js";
import type { WarmOptions, WarmRun } from "./warm/types.js";
import { startWarm } from "./warm/warm.js";

export interface Cache {
  /** Defines a kind of value and how it is loaded. Use each name for one definition. */
  define<P, V>(options: DefinitionOptions<P, V>): Definition<P, V>;
  /**
   * Returns the cache of a tenant, by default that of the current work.
   * @throws {TenantError} for an invalid id, and outside of `tenancy.run` without one
   */
  tenant(tenantId?: string): TenantCache;
  /** The cache of values that belong to no tenant. Its `tenantId` is `""`. */
  readonly shared: TenantCache;
  /** Returns a value that belongs to no tenant: key, loader and ttl come with the call. */
  getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V>;
  /**
   * Loads values ahead of time, for many tenants. The run begins at once. One of all processes loads each value, and fresh
   * values in memory or in the store are left unchanged.
   * @throws {ConfigError} for wrong options, {InputError} for a `resume` that no run has returned
   */
  warm<const Params extends readonly unknown[]>(options: WarmOptions<Params>): WarmRun;
  stats(): { readonly memory: MemoryStats; readonly knownTenants: number };
  /**
   * `isMemoryServed` is true while values are served from memory. `confirmedAgeMs` is the time since the last confirmation
   * that no invalidation was missed: `undefined` before the first, and without a store. `queuedInvalidations` wait for the
   * store.
   */
  health(): {
    readonly isMemoryServed: boolean;
    readonly confirmedAgeMs: number | undefined;
    readonly queuedInvalidations: number;
  };
  /** Unsubscribes, and stops retries. Running loads end by themselves; the Redis client stays yours to close. */
  close(): void;
  [Symbol.dispose](): void;
}

/** The tenant id of values that belong to no tenant: no tenant can have it. */
const NO_TENANT = "";

/** Creates a cache per tenant, in the memory of this process and in the store. Sends nothing at construction. */
export function createCache(options: CacheOptions = {}): Cache {
  const { memory, store, boundMs, whenUnsure, maxTenants, clock, random } = parseCacheOptions(options);
  const states = createTenantStates(memory, maxTenants);
  const retryQueue = store === undefined ? undefined : createRetryQueue(store, clock);
  const leaseReturns = store === undefined ? undefined : createLeaseReturns(store);
  const stalenessBound = createStalenessBound({
    store,
    ...{ boundMs, whenUnsure, clock },
    dropL1: () => memory.clear(),
    onInvalidation: (invalidation) => states.of(invalidation.tenantId).apply(invalidation),
  });
  const context: CacheContext = {
    store,
    retryQueue,
    leaseRenewer: store === undefined ? undefined : createLeaseRenewer(store),
    leaseReturns,
    stalenessBound,
    clock,
    coarseNow: coarseClock(clock),
    random,
    inlineDefinitions: createInlineDefinitions(),
  };
  const shared = new TenantHandle(context, states, NO_TENANT);
  const close = (): void => {
    stalenessBound.close();
    retryQueue?.close();
    leaseReturns?.close();
  };

  return {
    define,
    tenant: (tenantId = tenancy.require().tenantId) => new TenantHandle(context, states, parseTenantId(tenantId)),
    shared,
    getOrSet: (key, load, options) => shared.getOrSet(key, load, options),
    warm: (options) => startWarm(context, states, options),
    stats: () => ({ memory: memory.stats(), knownTenants: states.size }),
    health: () => ({
      isMemoryServed: stalenessBound.isServable(clock.monotonic()),
      confirmedAgeMs: stalenessBound.ageMs(),
      queuedInvalidations: retryQueue?.size() ?? 0,
    }),
    close,
    [Symbol.dispose]: close,
  };
}
