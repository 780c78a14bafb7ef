import { type Clock, ConfigError, systemClock } from "@scale/core";
import { clockOption, describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Memory } from "./memory.js";
import type { Budget } from "./types.js";

export interface MemoryOptions {
  /** Maximum bytes for all tenants together, with the estimated overhead. The garbage collector of Node needs more on top. */
  readonly maxBytes: number;
  /**
   * Maximum bytes of an entry. Larger entries are not stored.
   * @default a 64th of `maxBytes`
   */
  readonly maxEntryBytes?: number;
  /**
   * Budget of a tenant, by default the same for all: `budgetsFromPlans(resolver)` takes it from the plans. It is called when
   * a tenant writes, at most once a minute while the tenant has entries, and must answer from memory. If it throws, the
   * entry is not stored, and `scale:cache:memory-fail` is published. A tenant above its weighted share has to give only when
   * other tenants want the memory.
   */
  readonly budgets?: (tenantId: string) => Budget;
  readonly clock?: Clock;
}

/** Time after which a budget is asked for again. */
const BUDGET_MS = 60_000;

const bytes = z.int().min(1);
const optionsSchema = z.strictObject({
  maxBytes: bytes,
  maxEntryBytes: bytes.optional(),
  budgets: functionOption<NonNullable<MemoryOptions["budgets"]>>().default(() => () => ({})),
  clock: clockOption.default(systemClock),
});

/**
 * Creates a memory with one partition per tenant. A tenant may borrow memory that no other uses. When memory is full, the
 * tenant that is furthest above its share gives an entry back, and within a tenant the used entries stay.
 * There are no timers: each write also drops a few expired entries of any tenant.
 * @throws {ConfigError} for wrong options; a later `set` throws it for an invalid budget
 */
export function createMemory(options: MemoryOptions): Memory {
  const { maxBytes, maxEntryBytes, budgets, clock } = parseOptions(optionsSchema, options, "createMemory");
  return new Memory({
    ...{ maxBytes, clock },
    maxEntryBytes: maxEntryBytes ?? Math.ceil(maxBytes / 64),
    budgetOf: (tenantId) => parseBudget(tenantId, budgets),
  });
}

function parseBudget(tenantId: string, budgets: (tenantId: string) => Budget): Required<Budget> {
  const { weight = 1, maxBytes = Infinity, validMs = BUDGET_MS } = budgets(tenantId);
  const fail = (name: string, expected: string, got: unknown): never => {
    throw new ConfigError(
      `budgets(${describeValue(tenantId)}): ${name}: expected ${expected}, got ${describeValue(got)}`,
    );
  };
  if (!(weight > 0 && weight < Infinity)) fail("weight", "a number above 0", weight);
  if (!(maxBytes > 0)) fail("maxBytes", "a number above 0", maxBytes);
  if (!(validMs >= 0)) fail("validMs", "a number >= 0", validMs);
  return { weight, maxBytes, validMs };
}
