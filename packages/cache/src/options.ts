import { type Clock, type Duration, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { durationOption } from "@scale/core/kit";
import { createMemory, type MemoryOptions } from "./memory/memory.js";
import type { Memory } from "./memory/types.js";
import type { CacheStore } from "./store.js";

export interface CacheOptions {
  /**
   * What this process keeps.
   * @default `{ maxBytes: 67108864 }`, 64 MiB
   */
  readonly memory?: Omit<MemoryOptions, "clock">;
  /**
   * Where all processes share entries: `redisStore({ redis, subscriber })` of `@scale/cache/redis`.
   * @default none: each process caches alone, and hears of no other's invalidations
   */
  readonly store?: CacheStore;
  readonly staleness?: {
    /**
     * How long memory is served after the last proof that no invalidation was missed.
     * @default "3s"
     */
    readonly bound?: Duration;
    /**
     * What happens after that: `bypass` asks the store for each read, and loads when that is down; `serve` goes on to
     * serve memory, whatever others invalidate, until the entries end.
     * @default "bypass"
     */
    readonly whenUnsure?: "bypass" | "serve";
  };
  /**
   * Tenants of which this process remembers what is under way and counted; the others' entries stay in memory.
   * @default 10000
   */
  readonly maxTenants?: number;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests: numbers in [0, 1). */
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

export interface ParsedOptions {
  readonly memory: Memory;
  readonly store: CacheStore | undefined;
  readonly boundMs: number;
  readonly whenUnsure: "bypass" | "serve";
  readonly maxTenants: number;
  readonly clock: Clock;
  readonly random: () => number;
}

export function parseCacheOptions(options: CacheOptions): ParsedOptions {
  const {
    staleness,
    store,
    memory = { maxBytes: DEFAULT_BYTES },
    // Not a default of the schema, which would be a copy: the system's clock is recognised.
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
