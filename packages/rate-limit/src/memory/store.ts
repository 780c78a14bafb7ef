import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { RateLimitStore } from "../types.js";
import { MemoryCounters } from "./counters.js";

export interface MemoryStoreOptions {
  /**
   * Maximum number of counts. When it is exceeded, counts that are nearest to their full allowance are evicted.
   * @default 100_000
   */
  readonly maxKeys?: number;
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  maxKeys: z.int().min(1).max(16_000_000).default(100_000),
  clock: clockOption.default(systemClock),
});

/** Counts in this process alone: for one process, for tests, and for limits that are meant per process. */
export function memoryStore(options: MemoryStoreOptions = {}): RateLimitStore {
  const counters = new MemoryCounters(parseOptions(optionsSchema, options, "memoryStore"));
  return {
    settlesWithinMs: 0,
    blocks: true,
    consume: (request) => counters.consume(request),
    refund: (request) => counters.refund(request),
    reset: (request) => counters.reset(request),
    release: (held) => counters.release(held),
  };
}
