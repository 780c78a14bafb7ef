import type { Clock } from "@scale/core";
import { Semaphore } from "./semaphore.js";

/** Capacity as a share of the rate. A burst and the tokens refilled in the same second must not exceed the rate. */
const BURST = 0.1;
/** The clock of the cache may not be that of the timers, so it is looked at again. */
const MAX_SLEEP_MS = 1000;

/**
 * Limits the rate of loads. A token is taken before it is known whether the load is needed, and refunded if it is not.
 * @returns `capacity`: tokens that can be taken together at most; `take` resolves when the tokens are available, or the
 * signal aborts
 */
export function createTokenBucket(
  perSecond: number,
  clock: Clock,
): { readonly capacity: number; take(count: number, signal: AbortSignal): Promise<void>; refund(count: number): void } {
  if (perSecond === Infinity) return { capacity: Infinity, take: async () => undefined, refund: () => undefined };
  const capacity = Math.max(1, Math.floor(perSecond * BURST));
  const perMs = (capacity === 1 ? perSecond : perSecond - capacity) / 1000;
  // One caller waits for tokens, the others wait for that caller.
  const turn = new Semaphore(1);
  let tokens = capacity;
  let refilledAt = clock.monotonic();
  let wake: (() => void) | undefined;

  function waitMs(count: number): number {
    const now = clock.monotonic();
    tokens = Math.min(capacity, tokens + (now - refilledAt) * perMs);
    refilledAt = now;
    // A sum of many small refills is slightly below the exact number.
    return Math.max(0, count - tokens - 1e-6) / perMs;
  }

  function sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, Math.min(Math.ceil(ms), MAX_SLEEP_MS));
      signal.addEventListener("abort", end);
      wake = end;
    });
  }

  return {
    capacity,
    async take(count, signal) {
      await turn.acquire();
      for (let ms = waitMs(count); ms > 0 && !signal.aborted; ms = waitMs(count)) await sleep(ms, signal);
      tokens -= count;
      turn.release();
    },
    refund(count) {
      tokens += count;
      wake?.();
    },
  };
}
