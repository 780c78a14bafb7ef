import { type Clock, ConfigError, systemClock } from "@scale/core";
import { clockOption, describeValue, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Root, TenantPartition } from "./partition.js";
import { type Counts, type Limits, Pool } from "./pool.js";
import type { Budget, Memory, MemoryStats, TenantUsage } from "./types.js";

export interface MemoryOptions {
  /** For all tenants together, with an estimate of the overhead. What Node needs to collect garbage comes on top. */
  readonly maxBytes: number;
  /**
   * Larger entries are not kept.
   * @default a 64th of `maxBytes`
   */
  readonly maxEntryBytes?: number;
  /**
   * What a tenant may use, by default the same for all: `budgetsFromPlans(resolver)` takes it from the plans. Asked for when
   * a tenant writes, at most once a minute while it has entries, and expected to answer from memory. What it throws costs the
   * entry its place, and is published as `scale:cache:memory-fail`. A tenant that reaches its weighted share is only held to
   * it when others want the memory.
   */
  readonly budgets?: (tenantId: string) => Budget;
  readonly clock?: Clock;
}

/** How long a budget is believed. */
const BUDGET_MS = 60_000;

const bytes = z.int().min(1);
const optionsSchema = z.strictObject({
  maxBytes: bytes,
  maxEntryBytes: bytes.optional(),
  budgets: z
    .custom<NonNullable<MemoryOptions["budgets"]>>((value) => typeof value === "function", "expected a function")
    .default(() => () => ({})),
  clock: clockOption.default(systemClock),
});

/**
 * Keeps entries in this process, in a partition for each tenant. What no tenant uses others may borrow; when memory is
 * full, the tenant that is furthest above its share gives an entry back, and inside a tenant what is used stays.
 * There are no timers: a write also drops a few expired entries, whoever they belong to.
 * @throws {ConfigError} for wrong options; later `set` throws it for a budget that is none
 */
export function createMemory(options: MemoryOptions): Memory {
  const {
    maxBytes,
    maxEntryBytes = Math.ceil(maxBytes / 64),
    budgets,
    clock,
  } = parseOptions(optionsSchema, options, "createMemory");
  const limits: Limits = { maxBytes, maxEntryBytes, clock, budgetOf: (tenantId) => parseBudget(tenantId, budgets) };
  const counts: Counts = { evictions: { expired: 0, cold: 0, budget: 0, share: 0 }, refused: 0 };
  const root = new Root(new Pool(limits, counts));
  return {
    tenant: (tenantId) => new TenantPartition(root, tenantId),
    clear: () => {
      root.replace(new Pool(limits, counts));
    },
    stats: () => statsOf(root.pool, limits, counts),
    usage: (tenantId) => usageOf(root.pool, maxBytes, tenantId),
  };
}

function parseBudget(tenantId: string, budgets: (tenantId: string) => Budget): Required<Budget> {
  const { weight = 1, maxBytes = Infinity, validMs = BUDGET_MS } = budgets(tenantId);
  if (!(weight > 0 && weight < Infinity)) {
    throw new ConfigError(
      `budgets(${describeValue(tenantId)}): weight: expected a number above 0, got ${describeValue(weight)}`,
    );
  }
  if (!(maxBytes > 0)) {
    throw new ConfigError(
      `budgets(${describeValue(tenantId)}): maxBytes: expected a number above 0, got ${describeValue(maxBytes)}`,
    );
  }
  if (!(validMs >= 0)) {
    throw new ConfigError(
      `budgets(${describeValue(tenantId)}): validMs: expected a number from 0 on, got ${describeValue(validMs)}`,
    );
  }
  return { weight, maxBytes, validMs };
}

function statsOf({ books }: Pool, { maxBytes }: Limits, { evictions, refused }: Counts): MemoryStats {
  const { bytes, reclaimableBytes, entries, tenants } = books;
  return { maxBytes, bytes, reclaimableBytes, entries, tenants: tenants.size, evictions: { ...evictions }, refused };
}

function usageOf({ books }: Pool, maxBytes: number, tenantId: string): TenantUsage | undefined {
  const tenant = books.tenants.get(tenantId);
  if (tenant === undefined) return undefined;
  const { bytes, entries, budget } = tenant;
  return { bytes, entries, weight: budget.weight, shareBytes: (maxBytes * budget.weight) / books.weights };
}
