import { randomUUID } from "node:crypto";
import { type Clock, type Duration, systemClock, tenancy } from "@scale/core";
import { clockOption, durationOption, functionOption, parseOptions, parseTenantId } from "@scale/core/kit";
import { z } from "zod";
import { closeCache } from "./coherence/close.js";
import type { CacheContext } from "./coherence/context.js";
import { createLeaseRenewer } from "./coherence/lease-renewal.js";
import { createLeaseReturns } from "./coherence/lease-returns.js";
import { createRetryQueue } from "./coherence/retry-queue.js";
import { createStalenessBound } from "./coherence/staleness-bound.js";
import { type Counts, createTenantStates } from "./coherence/tenant-state.js";
import { define, type Definition, type DefinitionOptions } from "./definition/definition.js";
import { createInlineDefinitions } from "./definition/inline-definition.js";
import { coarseClock } from "./get/coarse-clock.js";
import { createMemory, type MemoryOptions } from "./memory/create-memory.js";
import type { MemoryStats } from "./memory/types.js";
import type { CacheStore } from "./store.js";
import type { GetOrSetOptions, TenantCache } from "./tenant-cache.js";
import { TenantHandle } from "./tenant-handle.js";
import type { WarmOptions, WarmRun } from "./warm/types.js";
import { startWarm } from "./warm/warm.js";

export interface CacheOptions {
  /**
   * Memory of this process (L1).
   * @default `{ maxBytes: 67108864 }`, 64 MiB
   */
  readonly memory?: Omit<MemoryOptions, "clock">;
  /**
   * Store that all processes share: `redisStore({ redis, subscriber })` of `@scale/cache/redis`.
   * @default none: each process caches alone, and hears of no other's invalidations
   */
  readonly store?: CacheStore;
  readonly staleness?: {
    /**
     * Maximum time for which memory is served after the last confirmation that no invalidation was missed.
     * @default "3s"
     */
    readonly bound?: Duration;
    /**
     * Behaviour after that time. `bypass` reads the store each time, and loads when the store is down; `serve` keeps serving
     * memory until the entries expire, whatever other processes invalidate.
     * @default "bypass"
     */
    readonly whenUnsure?: "bypass" | "serve";
  };
  /**
   * Maximum number of tenants whose state (flights, counters) this process remembers. Entries of forgotten tenants stay in
   * memory.
   * @default 10000
   */
  readonly maxTenants?: number;
  /** Clock, for tests. */
  readonly clock?: Clock;
  /** Source of random numbers in [0, 1), for tests. */
  readonly random?: () => number;
}

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
  /** Memory, tenants with a state, and the counts of all tenants since the start. */
  stats(): { readonly memory: MemoryStats; readonly knownTenants: number; readonly counts: Readonly<Counts> };
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
  /**
   * Unsubscribes, stops retries, and waits until loaded values are in the store, at most `timeoutMs`. Loads that still run then
   * end by themselves; their leases are given back, so that no other process waits for them. Never rejects. Close the Redis
   * clients after it: they stay yours.
   * @param options `timeoutMs` default: 1000
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
  /** As `close`, without waiting for it. */
  [Symbol.dispose](): void;
}

const DEFAULT_BYTES = 64 * 1024 * 1024;
const CLOSE_MS = 1000;
/** The tenant id of values that belong to no tenant: no tenant can have it. */
const NO_TENANT = "";

const schema = z.strictObject({
  memory: z
    .custom<NonNullable<CacheOptions["memory"]>>(
      (value) => typeof value === "object" && value !== null,
      "expected an object",
    )
    .optional(),
  store: z.custom<CacheStore>(isStore, "expected a store such as redisStore").optional(),
  staleness: z
    .strictObject({ bound: durationOption.default(3000), whenUnsure: z.enum(["bypass", "serve"]).default("bypass") })
    .default({ bound: 3000, whenUnsure: "bypass" }),
  maxTenants: z.int().min(1).max(1_000_000).default(10_000),
  clock: clockOption.optional(),
  random: functionOption<() => number>().default(() => Math.random),
});

/** Creates a cache per tenant, in the memory of this process and in the store. Sends nothing at construction. */
export function createCache(options: CacheOptions = {}): Cache {
  const parsed = parseOptions(schema, options, "createCache");
  // Not a default of the schema: that would be a copy, and `coarseClock` compares it with the system's clock.
  const { store, random, clock = systemClock } = parsed;
  const id = randomUUID();
  const memory = createMemory({ ...(parsed.memory ?? { maxBytes: DEFAULT_BYTES }), clock });
  const states = createTenantStates(memory, parsed.maxTenants);
  const retryQueue = store === undefined ? undefined : createRetryQueue(store, { clock, from: id });
  const leaseReturns = store === undefined ? undefined : createLeaseReturns(store);
  const stalenessBound = createStalenessBound({
    ...{ store, clock },
    boundMs: parsed.staleness.bound,
    whenUnsure: parsed.staleness.whenUnsure,
    dropL1: () => memory.clear(),
    onInvalidation(invalidation) {
      if (invalidation.from !== id) states.of(invalidation.tenantId).apply(invalidation);
    },
  });
  const context: CacheContext = {
    id,
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
  let closed: Promise<void> | undefined;
  const close = (timeoutMs = CLOSE_MS): Promise<void> => (closed ??= closeCache(context, states, timeoutMs));

  return {
    define,
    tenant: (tenantId = tenancy.require().tenantId) => new TenantHandle(context, states, parseTenantId(tenantId)),
    shared,
    getOrSet: (key, load, options) => shared.getOrSet(key, load, options),
    warm: (options) => startWarm(context, states, options),
    stats: () => ({ memory: memory.stats(), knownTenants: states.size, counts: states.counts() }),
    health: () => ({
      isMemoryServed: stalenessBound.isServable(clock.monotonic()),
      confirmedAgeMs: stalenessBound.ageMs(),
      queuedInvalidations: retryQueue?.size() ?? 0,
    }),
    close: (closing) => close(closing?.timeoutMs),
    [Symbol.asyncDispose]: () => close(),
    [Symbol.dispose]: () => void close(),
  };
}

function isStore(value: unknown): boolean {
  return typeof value === "object" && value !== null && "read" in value && typeof value.read === "function";
}
