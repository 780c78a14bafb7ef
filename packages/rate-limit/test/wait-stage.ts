import { createManualClock, type ManualClock } from "@scale/core/testing";
import { createRateLimiter, type RateLimiter } from "../src/limiter.js";
import { memoryStore } from "../src/memory/store.js";
import type { RateLimiterOptions } from "../src/options.js";
import type { RateLimitStore, RateLimitSubject } from "../src/types.js";
import { KeyQueues } from "../src/wait/key-queues.js";
import type { WaitOptions } from "../src/wait/types.js";
import type { WaitQueueOptions } from "../src/wait/wait-queue.js";
import { createManualTimers, type ManualTimers } from "./manual-timers.js";

export const acme: RateLimitSubject = { tenantId: "acme" };
export const globex: RateLimitSubject = { tenantId: "globex" };

/** One unit per 100 ms, and no burst: the second request waits 100 ms. */
export const paced = { tenant: { limit: 10, window: "1s", burst: 1 } } as const;

export interface WaitStageOptions extends Omit<WaitQueueOptions, "clock"> {
  readonly rules?: NonNullable<RateLimiterOptions["rules"]>;
  readonly whenStoreFails?: NonNullable<RateLimiterOptions["whenStoreFails"]>;
  readonly denialCacheMs?: number;
  /** @default a memory store by the clock of the stage */
  readonly createStore?: (memory: RateLimitStore) => RateLimitStore;
}

export interface WaitStage {
  readonly clock: ManualClock;
  readonly timers: ManualTimers;
  readonly limiter: RateLimiter;
  readonly queue: KeyQueues;
  /** The outcomes of `wait`, each with its time. */
  readonly log: readonly string[];
  wait(name: string, subject?: RateLimitSubject, options?: WaitOptions): Promise<void>;
}

/** A wait queue in front of a limiter, by a clock and timers that the test moves. */
export function setUpWaits(options: WaitStageOptions = {}): WaitStage {
  const { rules = paced, whenStoreFails = "throw", denialCacheMs = 0, createStore, ...limits } = options;
  const clock = createManualClock(1_700_000_040_000);
  const timers = createManualTimers(clock);
  const memory = memoryStore({ clock });
  const store = createStore?.(memory) ?? memory;
  const limiter = createRateLimiter({ rules, store, clock, whenStoreFails, denialCacheMs });
  const parts = { queueLimit: 100, totalQueueLimit: 10_000, maxWaitMs: 5000, ...limits };
  const queue = new KeyQueues({ limiter, setTimer: timers.setTimer, clock, ...parts });
  const log: string[] = [];
  const startedAt = clock.monotonic();
  return {
    ...{ clock, timers, limiter, queue, log },
    async wait(name, subject = acme, waitOptions) {
      const result = await queue.wait(subject, waitOptions);
      log.push(`${name} ${result.allowed ? "passed" : result.reason} at ${clock.monotonic() - startedAt}`);
    },
  };
}
