import { type Clock, type Duration, systemClock } from "@scale/core";
import { clockOption, durationOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { createMemory, type MemoryOptions } from "./memory/memory.js";
import type { Memory } from "./memory/types.js";
import type { CacheStore } from "./store.js";

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

const DEFAULT_BYTES = 64 * 1024 * 1024;

const schema = z.strictObject({
  memory: z.custom<NonNullable<CacheOptions["memory"]>>(isObject, "expected an object").optional(),
  store: z.custom<CacheStore>(isStore, "expected a store such as redisStore").optional(),
  staleness: z
    .strictObject({ bound: durationOption.default(3000), whenUnsure: z.enum(["bypass", "serve"]).default("bypass") })
    .default({ bound: 3000, whenUnsure: "bypass" }),
  maxTenants: z.int().min(1).max(1_000_000).default(10_000),
  clock: clockOption.optional(),
  random: z.custom<() => number>((f) => typeof f === "function", "expected a function").default(() => Math.random),
});

/** Validates the options and creates the memory. */
export function parseCacheOptions(options: CacheOptions): {
  readonly memory: Memory;
  readonly store: CacheStore | undefined;
  readonly boundMs: number;
  readonly whenUnsure: "bypass" | "serve";
  readonly maxTenants: number;
  readonly clock: Clock;
  readonly random: () => number;
} {
  const {
    staleness,
    store,
    memory = { maxBytes: DEFAULT_BYTES },
    // Not a default of the schema: that would be a copy, and `coarseClock` compares it with the system's clock.
    clock = systemClock,
    ...rest
  } = parseOptions(schema, options, "createCache");
  return {
    ...rest,
    clock,
    store,
    memory: createMemory({ ...memory, clock }),
    boundMs: staleness.bound,
    whenUnsure: staleness.whenUnsure,
  };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function isStore(value: unknown): boolean {
  return typeof value === "object" && value !== null && "read" in value && typeof value.read === "function";
}
