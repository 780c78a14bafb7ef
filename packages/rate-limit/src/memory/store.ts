import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { createTable, type Table } from "./counters.js";
import type { RateLimitStore } from "../types.js";

export interface MemoryStoreOptions {
  /**
   * Counts that are kept. Above it, counts that are nearest to their full allowance are forgotten.
   * @default 100_000
   */
  readonly maxKeys?: number;
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  maxKeys: z.int().min(1).max(16_000_000).default(100_000),
  clock: clockOption.default(systemClock),
});

const tables = new WeakMap<RateLimitStore, Table>();

/** Counts in this process alone: for one process, for tests, and for limits that are meant per process. */
export function memoryStore(options: MemoryStoreOptions = {}): RateLimitStore {
  const table = createTable(parseOptions(optionsSchema, options, "memoryStore"));
  const { take: consume, give: refund, reset, release } = table;
  const store: RateLimitStore = { settlesWithinMs: 0, consume, refund, reset, release };
  tables.set(store, table);
  return store;
}

/** What a store of `memoryStore` counts in; `undefined` for any other. */
export function tableOf(store: RateLimitStore): Table | undefined {
  return tables.get(store);
}
