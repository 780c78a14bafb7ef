import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

/** Whose entries it is about. `tenantId` is `""` for what belongs to no tenant. */
interface About {
  readonly tenantId: string;
  /** Of the definition. */
  readonly name: string;
}

export interface StoreFailed {
  readonly tenantId: string;
  readonly operation: "read" | "claim" | "fill" | "release" | "renew" | "invalidate";
  readonly error: unknown;
}

/** Published whenever the store could not answer. Readers do not see it: they load. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:cache:store-fail");

export interface EntryRejected extends About {
  readonly key: string;
  readonly reason: string;
}

/** Published when an entry of the store cannot be what was written there; it is loaded again. */
export const entryReject: EventChannel<EntryRejected> = defineEvent("scale:cache:entry-reject");

export interface StaleServed extends About {
  readonly ageMs: number;
  readonly reason: "refreshing" | "slow" | "load-failed";
  /** Of the load, when it failed. */
  readonly error: unknown;
}

/** Published when a reader got a value whose time had run out. */
export const staleServe: EventChannel<StaleServed> = defineEvent("scale:cache:stale-serve");

export interface LoadFailed extends About {
  readonly error: unknown;
}

/** Published for every load that failed, also when nobody waited for it. */
export const loadFail: EventChannel<LoadFailed> = defineEvent("scale:cache:load-fail");

/** Published when a loaded value is not kept, because what it was made of may have changed meanwhile. */
export const fillRefuse: EventChannel<About> = defineEvent("scale:cache:fill-refuse");

export interface MemoryDropped {
  /** True at the start, when the process hears of invalidations for the first time. */
  readonly isFirst: boolean;
}

/**
 * Published when this process hears of invalidations again, and forgets what it has in memory: it may have missed one
 * while it did not.
 */
export const memoryDrop: EventChannel<MemoryDropped> = defineEvent("scale:cache:memory-drop");

export interface MemoryFailed {
  readonly tenantId: string;
  readonly error: unknown;
}

/** Published when a value is not kept in memory, because `budgets` threw, or gave what is no budget. */
export const memoryFail: EventChannel<MemoryFailed> = defineEvent("scale:cache:memory-fail");

export interface InvalidationQueued {
  readonly tenantId: string;
  /** False when there was no room: then only the time of the entries ends them. */
  readonly kept: boolean;
}

/** Published when an invalidation could not reach the store, and waits to be repeated. */
export const invalidationQueue: EventChannel<InvalidationQueued> = defineEvent("scale:cache:invalidation-queue");
