import { AsyncResource } from "node:async_hooks";
import { tenancy } from "@scale/core";
import { parseTenantId } from "@scale/core/kit";
import { createAdHoc } from "./definition/inline-definition.js";
import { define, type Definition, type DefinitionOptions } from "./definition/definition.js";
import type { Engine } from "./coherence/context.js";
import { Handle } from "./tenant-handle.js";
import { createJournal } from "./coherence/retry-queue.js";
import type { MemoryStats } from "./memory/types.js";
import { type CacheOptions, parseCacheOptions } from "./options.js";
import { createRenewals } from "./coherence/lease-renewal.js";
import { createSpaces } from "./coherence/tenant-state.js";
import type { GetOrSetOptions, TenantCache } from "./tenant-cache.js";
import { createTrust } from "./coherence/staleness-bound.js";
import { turnClock } from "./get/coarse-clock.js";
import type { WarmOptions, WarmRun } from "./warm/types.js";
import { startWarm } from "./warm/warm.js";

export interface CacheHealth {
  /** Whether memory is served now. */
  readonly isMemoryServed: boolean;
  /** Since the last proof that no invalidation was missed. `undefined` before the first, and without a store. */
  readonly provenAgeMs: number | undefined;
  /** Invalidations that wait for the store. */
  readonly queuedInvalidations: number;
}

export interface Cache {
  /** Says what is cached under a name, and how it is loaded. Give each name to one definition. */
  define<P, V>(options: DefinitionOptions<P, V>): Definition<P, V>;
  /**
   * The cache of a tenant, by default that of the current work.
   * @throws {TenantError} for what is no id, and outside of `tenancy.run` without one
   */
  tenant(tenantId?: string): TenantCache;
  /** The cache of what belongs to no tenant. Its `tenantId` is `""`. */
  readonly shared: TenantCache;
  /** For what belongs to no tenant: a key, a load and a time. */
  getOrSet<V>(key: string, load: () => V | PromiseLike<V>, options: GetOrSetOptions): Promise<V>;
  /**
   * Has values loaded before anybody asks for them, for many tenants. It begins at once. Of all processes one loads each value,
   * and what is fresh in memory or in the store is left as it is.
   * @throws {ConfigError} for wrong options, {InputError} for a `resume` that no run gave
   */
  warm<const Params extends readonly unknown[]>(options: WarmOptions<Params>): WarmRun;
  stats(): { readonly memory: MemoryStats; readonly knownTenants: number };
  health(): CacheHealth;
  /** Stops listening and repeating. What is under way ends by itself; the client stays yours to close. */
  close(): void;
  [Symbol.dispose](): void;
}

/** What belongs to no tenant: no tenant can have that id. */
const NOBODY = "";

/** Caches what the application loads, per tenant, in this process and in the store. Asks nobody at construction. */
export function createCache(options: CacheOptions = {}): Cache {
  const { memory, store, boundMs, whenUnsure, maxTenants, clock, random } = parseCacheOptions(options);
  const spaces = createSpaces(memory, maxTenants);
  const journal = store === undefined ? undefined : createJournal(store, clock);
  const trust = createTrust({
    store,
    ...{ boundMs, whenUnsure, clock },
    drop: () => memory.clear(),
    invalidated: (what) => spaces.of(what.tenantId).apply(what),
  });
  const context = new AsyncResource("scale:cache");
  const engine: Engine = {
    store,
    journal,
    renewals: store === undefined ? undefined : createRenewals(store),
    trust,
    clock,
    turn: turnClock(clock),
    random,
    context,
    adHoc: createAdHoc(),
  };
  const shared = new Handle(engine, spaces, NOBODY);
  const close = (): void => {
    trust.close();
    journal?.close();
  };

  return {
    define,
    tenant: (tenantId = tenancy.require().tenantId) => new Handle(engine, spaces, parseTenantId(tenantId)),
    shared,
    getOrSet: (key, load, options) => shared.getOrSet(key, load, options),
    warm: (options) => startWarm(engine, spaces, options),
    stats: () => ({ memory: memory.stats(), knownTenants: spaces.size }),
    health: () => ({
      isMemoryServed: trust.isGiven(clock.monotonic()),
      provenAgeMs: trust.ageMs(),
      queuedInvalidations: journal?.size() ?? 0,
    }),
    close,
    [Symbol.dispose]: close,
  };
}
