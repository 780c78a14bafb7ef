import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

/** Names the entries of an event. `tenantId` is `""` for entries that belong to no tenant. */
interface Subject {
  readonly tenantId: string;
  /** Name of the definition. */
  readonly name: string;
}

export interface StoreFailed {
  readonly tenantId: string;
  readonly operation: "read" | "claim" | "fill" | "release" | "renew" | "invalidate";
  readonly error: unknown;
}

/** Published when the store did not answer. Callers get no error: the cache loads instead. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:cache:store-fail");

/** Published when an entry of the store cannot be decoded; it is loaded again. */
export const entryReject: EventChannel<Subject & { readonly key: string; readonly reason: string }> =
  defineEvent("scale:cache:entry-reject");

export interface StaleServed extends Subject {
  readonly ageMs: number;
  readonly reason: "refreshing" | "slow" | "load-failed";
  /** Error of the load, when it failed. */
  readonly error: unknown;
}

/** Published when a reader got a stale value. */
export const staleServe: EventChannel<StaleServed> = defineEvent("scale:cache:stale-serve");

/** Published for every load that failed, even if no caller waited for it. */
export const loadFail: EventChannel<Subject & { readonly error: unknown }> = defineEvent("scale:cache:load-fail");

/** Published when a loaded value is not kept, because its source may have changed while it was loaded. */
export const fillRefuse: EventChannel<Subject> = defineEvent("scale:cache:fill-refuse");

/**
 * Published when the invalidation bus is confirmed again and memory is dropped, because invalidations may have been missed.
 * `isFirst` is true for the first confirmation after the start of the process.
 */
export const memoryDrop: EventChannel<{ readonly isFirst: boolean }> = defineEvent("scale:cache:memory-drop");

/** Published when a value is not kept in memory, because `budgets` threw or returned an invalid budget. */
export const memoryFail: EventChannel<{ readonly tenantId: string; readonly error: unknown }> =
  defineEvent("scale:cache:memory-fail");

/**
 * Published when an invalidation did not reach the store, and waits for a retry. `kept` is false when the queue is full: then
 * entries end with their ttl only.
 */
export const invalidationQueue: EventChannel<{ readonly tenantId: string; readonly kept: boolean }> = defineEvent(
  "scale:cache:invalidation-queue",
);
