import { InputError, StoreError } from "@scale/core";
import { createDeadline, describeValue, parseOptions, parseTenantId, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { storeFail } from "./events.js";
import type { HealthStore } from "./types.js";

export interface HealthOptions {
  /** Where totals are kept: `memoryStore()`, or a store of a backend. */
  readonly store: HealthStore;
  /**
   * Deadline of one call, in milliseconds.
   * @default 50
   */
  readonly timeoutMs?: number;
}

export interface Health {
  /**
   * Adds units to the tenant's total and resolves to it.
   * @throws {InputError} unless `units` is an integer >= 1
   * @throws {StoreError} when the store fails or misses the deadline
   */
  add(tenantId: string, units: number): Promise<number>;
}

const optionsSchema = z.strictObject({
  store: z.custom<HealthStore>(
    (value) => typeof value === "object" && value !== null && "add" in value && typeof value.add === "function",
    "expected a store such as memoryStore()",
  ),
  timeoutMs: timeoutOption(50),
});

/** @throws {ConfigError} that names every wrong option */
export function createHealth(options: HealthOptions): Health {
  const { store, timeoutMs } = parseOptions(optionsSchema, options, "createHealth");
  const withinDeadline = createDeadline(timeoutMs);
  return {
    async add(tenantId, units) {
      const id = parseTenantId(tenantId);
      if (!Number.isSafeInteger(units) || units < 1) {
        throw new InputError(`add: units: expected an integer >= 1, got ${describeValue(units)}`);
      }
      try {
        return await withinDeadline(store.add(id, units), "the store of @scale/health");
      } catch (cause) {
        const error = new StoreError("add: the store did not answer", { cause });
        storeFail.publish(() => ({ tenantId: id, error }));
        throw error;
      }
    },
  };
}
