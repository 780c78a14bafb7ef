import type { Clock } from "@scale/core";
import { memoryDrop } from "../events.js";
import type { CacheStore, Invalidation } from "../store.js";

/** Whether what is in memory can be known to be no older than the bound. */
export interface Trust {
  /** May entries be served from memory? */
  isGiven(now: number): boolean;
  /** False when there never will be a proof: then nothing needs to be kept. */
  readonly isPossible: boolean;
  /** Counts how often memory was dropped: what was begun before must not be kept after. */
  epoch(): number;
  /** Milliseconds since the last proof; `undefined` before the first, and without a store. */
  ageMs(): number | undefined;
  close(): void;
}

interface TrustOptions {
  readonly store: CacheStore | undefined;
  readonly boundMs: number;
  readonly whenUnsure: "bypass" | "serve";
  readonly clock: Clock;
  drop(): void;
  invalidated(what: Invalidation): void;
}

/** How many proofs are sent within the bound: one may come late. */
const PROOFS = 3;

export function createTrust({ store, boundMs, whenUnsure, clock, drop, invalidated }: TrustOptions): Trust {
  let epoch = 0;
  // Everything before the first proof may have been missed, as after a loss.
  let isLost = true;
  let provenAt = -Infinity;

  const stop = store?.subscribe?.(
    {
      invalidated,
      confirmed(atMs) {
        // Of what was kept until now, some may have been invalidated while nobody listened.
        if (isLost) {
          epoch++;
          drop();
          memoryDrop.publish(() => ({ isFirst: epoch === 1 }));
        }
        isLost = false;
        provenAt = Math.max(provenAt, atMs);
      },
      lost() {
        isLost = true;
        provenAt = -Infinity;
      },
    },
    Math.max(1, Math.floor(boundMs / PROOFS)),
  );

  const isLocal = store === undefined;
  const serves = isLocal || whenUnsure === "serve";
  return {
    isGiven: (now) => serves || now - provenAt < boundMs,
    isPossible: serves || stop !== undefined,
    epoch: () => epoch,
    ageMs: () => (provenAt === -Infinity ? undefined : clock.monotonic() - provenAt),
    close: () => stop?.(),
  };
}
