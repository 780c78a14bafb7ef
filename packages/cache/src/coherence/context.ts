import type { Clock, Duration } from "@scale/core";
import type { ParsedDefinition } from "../definition/definition.js";
import type { InlineEntry } from "../definition/inline-definition.js";
import type { CacheStore } from "../store.js";
import type { createLeaseRenewer } from "./lease-renewal.js";
import type { createLeaseReturns } from "./lease-returns.js";
import type { InvalidationRetryQueue } from "./retry-queue.js";
import type { StalenessBound } from "./staleness-bound.js";

/** The dependencies that all tenants of a cache share. */
export interface CacheContext {
  /** Tells the invalidations of this cache from those of others. */
  readonly id: string;
  readonly store: CacheStore | undefined;
  /** Present only with a store. */
  readonly retryQueue: InvalidationRetryQueue | undefined;
  /** Present only with a store. */
  readonly leaseRenewer: ReturnType<typeof createLeaseRenewer> | undefined;
  /** Present only with a store. */
  readonly leaseReturns: ReturnType<typeof createLeaseReturns> | undefined;
  readonly stalenessBound: StalenessBound;
  readonly clock: Clock;
  /** Monotonic time of this turn of the event loop, for L1 hits. */
  readonly coarseNow: () => number;
  readonly random: () => number;
  /** The definition of `getOrSet` for a namespace and a ttl. */
  readonly inlineDefinitions: (namespace: string, ttl: Duration) => ParsedDefinition<InlineEntry>;
}
