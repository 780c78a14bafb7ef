import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { memoryDrop } from "../events.js";
import type { CacheStore, Invalidation, InvalidationListener } from "../store.js";

/**
 * Bounds how stale L1 may be. A heartbeat on the invalidation bus confirms that no invalidation was missed; L1 is served for
 * the bound after the last confirmation.
 */
export interface StalenessBound {
  /** True while entries may be served from L1. */
  isServable(now: number): boolean;
  /** False when no confirmation can ever come: then L1 keeps nothing. */
  readonly canEverServe: boolean;
  /** Number of times that L1 was dropped. A read or a load that began in an earlier epoch must not be kept in L1. */
  epoch(): number;
  /** Milliseconds since the last confirmation; `undefined` before the first, and without a store. */
  ageMs(): number | undefined;
  close(): void;
}

/** Heartbeats within the bound: one of them may be late. */
const HEARTBEATS_PER_BOUND = 3;

export function createStalenessBound(options: {
  readonly store: CacheStore | undefined;
  readonly boundMs: number;
  readonly whenUnsure: "bypass" | "serve";
  readonly clock: Clock;
  dropL1(): void;
  onInvalidation(invalidation: Invalidation): void;
}): StalenessBound {
  const { store, boundMs, whenUnsure, clock, dropL1, onInvalidation } = options;
  let epoch = 0;
  // Invalidations before the first confirmation may have been missed, as after a lost subscription.
  let confirmedAt = -Infinity;

  const listener: InvalidationListener = {
    invalidated: onInvalidation,
    confirmed(atMs) {
      // Entries that are in L1 by now may have been invalidated while the subscription was lost.
      if (confirmedAt === -Infinity) {
        epoch++;
        dropL1();
        // A message arrives in the context in which its connection was opened, perhaps that of a request.
        inRootContext(() => memoryDrop.publish(() => ({ isFirst: epoch === 1 })));
      }
      confirmedAt = Math.max(confirmedAt, atMs);
    },
    lost() {
      confirmedAt = -Infinity;
    },
  };
  const everyMs = Math.max(1, Math.floor(boundMs / HEARTBEATS_PER_BOUND));
  const stop = inRootContext(() => store?.subscribe?.(listener, everyMs));

  const alwaysServes = store === undefined || whenUnsure === "serve";
  return {
    isServable: (now) => alwaysServes || now - confirmedAt < boundMs,
    canEverServe: alwaysServes || stop !== undefined,
    epoch: () => epoch,
    ageMs: () => (confirmedAt === -Infinity ? undefined : clock.monotonic() - confirmedAt),
    close: () => stop?.(),
  };
}
