import type { Duration } from "@scale/core";
import { durationOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Cache } from "../cache.js";
import type { Receipt } from "../coherence/invalidate.js";
import type { InvalidateOptions } from "../tenant-cache.js";
import { untilAborted } from "./async-source.js";
import { warmEntryOption } from "./options.js";
import { Semaphore } from "./semaphore.js";
import type { WarmEntry, WarmReport } from "./types.js";

export interface TenantWarmersOptions {
  /**
   * Deadline of `warmTenantCache`. After it no further load starts; the loads in progress still fill the cache.
   * @default "2s"
   */
  readonly within?: Duration;
  /**
   * Maximum number of tenants that are warmed at the same time. The deadline includes the time in which a tenant waits.
   * @default 8
   */
  readonly tenants?: number;
  /**
   * Maximum number of values of one tenant that are loaded at the same time.
   * @default 4
   */
  readonly perTenantConcurrency?: number;
  /**
   * Handling of failures. `report`: only the report contains them. `throw`: the call rejects with the first one.
   * @default "report"
   */
  readonly whenWarmingFails?: "report" | "throw";
}

export interface TenantWarmers<Params extends Readonly<Record<string, unknown>>> {
  /**
   * Loads the missing values that the tenant needs first, for example at login. Calls for a tenant that is being warmed share
   * one run.
   * @param only names of the warmers to run, by default all; such a call gets its own run
   */
  warmTenantCache(tenantId: string, only?: readonly (keyof Params & string)[]): Promise<WarmReport>;
  /**
   * Invalidates all values of the tenant in all processes, also those without a warmer. A run in progress keeps nothing that it
   * loaded before. The next `warmTenantCache` starts another run.
   */
  invalidateTenantCache(tenantId: string, options?: InvalidateOptions): Promise<Receipt>;
  /** All warmers, as the `entries` of `cache.warm`, to warm many tenants. */
  readonly entries: readonly WarmEntry<unknown>[];
}

const optionsSchema = z.strictObject({
  within: durationOption.default(2000),
  tenants: z.int().min(1).max(1000).default(8),
  perTenantConcurrency: z.int().min(1).max(1000).default(4),
  whenWarmingFails: z.enum(["report", "throw"]).default("report"),
});

const warmersSchema = z
  .record(z.string(), warmEntryOption)
  .refine((warmers) => Object.keys(warmers).length > 0, "expected at least one warmer");

/**
 * Names the values that a tenant needs first. Loads nothing at construction.
 * @throws {ConfigError} for invalid warmers and options
 */
export function createTenantWarmers<Params extends Readonly<Record<string, unknown>>>(
  cache: Pick<Cache, "warm" | "tenant">,
  warmers: { readonly [Name in keyof Params]: WarmEntry<Params[Name]> },
  options: TenantWarmersOptions = {},
): TenantWarmers<Params> {
  const named = new Map(Object.entries(parseOptions(warmersSchema, warmers, "createTenantWarmers: warmers")));
  const settings = parseOptions(optionsSchema, options, "createTenantWarmers");
  const entries = [...named.values()];
  const warm = createRunner(cache, settings);
  const shared = new Map<string, Promise<WarmReport>>();

  function warmAll(tenantId: string): Promise<WarmReport> {
    const current = shared.get(tenantId);
    if (current !== undefined) return current;
    const started = warm([tenantId], entries).finally(() => {
      if (shared.get(tenantId) === started) shared.delete(tenantId);
    });
    shared.set(tenantId, started);
    return started;
  }

  function warmOnly(tenantId: string, only: readonly string[]): Promise<WarmReport> {
    const chosen = [...named].filter(([name]) => only.includes(name)).map(([, entry]) => entry);
    return chosen.length === 0 ? warm([], entries) : warm([tenantId], chosen);
  }

  return {
    entries,
    async warmTenantCache(tenantId, only) {
      const report = await (only === undefined ? warmAll(tenantId) : warmOnly(tenantId, only));
      const [failure] = report.failures;
      if (settings.whenWarmingFails === "throw" && failure !== undefined) throw failure.error;
      return report;
    },
    async invalidateTenantCache(tenantId, options) {
      // Later calls must not share a run that began before the invalidation.
      shared.delete(tenantId);
      return cache.tenant(tenantId).clear(options);
    },
  };
}

/** Limits the tenants that are warmed at the same time. Each call settles within the deadline, with the report so far. */
function createRunner(cache: Pick<Cache, "warm">, settings: z.output<typeof optionsSchema>) {
  const { within, tenants: maxTenants, perTenantConcurrency } = settings;
  const semaphore = new Semaphore(maxTenants);
  return async (tenantIds: readonly string[], entries: readonly WarmEntry<unknown>[]): Promise<WarmReport> => {
    const signal = AbortSignal.timeout(within);
    const permit = semaphore.acquire().then(() => true);
    const isPermitted = tenantIds.length === 0 || (await untilAborted(permit, signal)) === true;
    const limits = { concurrency: perTenantConcurrency, perTenantConcurrency };
    const run = cache.warm({ tenants: isPermitted ? tenantIds : [], entries, ...limits, signal });
    const done = Promise.resolve(run);
    // The permit is held until the loads have ended, which may be after the deadline of the call.
    void Promise.allSettled([permit, done]).then(() => semaphore.release());
    return (await untilAborted(done, signal)) ?? { ...run.report(), isAborted: true };
  };
}
