import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Excess } from "./definition/bounds.js";

// `tenantId` is "" for entries that belong to no tenant; `name` is that of the definition.

/** Published when the store did not answer. Callers get no error: the cache loads instead. */
export const storeFail: EventChannel<{
  readonly tenantId: string;
  readonly operation: "read" | "claim" | "fill" | "release" | "renew" | "invalidate";
  readonly error: unknown;
}> = defineEvent("scale:cache:store-fail");

/** Published when an entry of the store cannot be decoded; it is loaded again. */
export const entryReject: EventChannel<{
  readonly tenantId: string;
  readonly name: string;
  readonly key: string;
  readonly reason: string;
}> = defineEvent("scale:cache:entry-reject");

/** Published when a reader got a stale value. `error` is that of the load, when it failed. */
export const staleServe: EventChannel<{
  readonly tenantId: string;
  readonly name: string;
  readonly ageMs: number;
  readonly reason: "refreshing" | "slow" | "load-failed";
  readonly error: unknown;
}> = defineEvent("scale:cache:stale-serve");

/** Published for every load that failed, even if no caller waited for it. */
export const loadFail: EventChannel<{ readonly tenantId: string; readonly name: string; readonly error: unknown }> =
  defineEvent("scale:cache:load-fail");

/** Published when a loaded value is not kept, because its source may have changed while it was loaded. */
export const fillRefuse: EventChannel<{ readonly tenantId: string; readonly name: string }> =
  defineEvent("scale:cache:fill-refuse");

/**
 * Published when a value is kept nowhere, because it exceeds a bound: callers get it, and the next one loads it again.
 * `reason` names the bound: the number of its tags, or their bytes.
 */
export const valueRefuse: EventChannel<{
  readonly tenantId: string;
  readonly name: string;
  readonly reason: Excess["reason"];
  readonly got: number;
  readonly max: number;
}> = defineEvent("scale:cache:value-refuse");

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
