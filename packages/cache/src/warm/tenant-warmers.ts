import type { Duration } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Cache } from "../cache.js";
import { durationOption } from "@scale/core/kit";
import type { InvalidateOptions } from "../tenant-cache.js";
import type { Receipt } from "../coherence/invalidate.js";
import { isWarmEntry } from "./options.js";
import { untilStopped } from "./async-source.js";
import { createSlots } from "./semaphore.js";
import type { WarmEntry, WarmReport } from "./types.js";

export interface TenantWarmersOptions {
  /**
   * How long `warmTenantCache` may take. After that nothing more is loaded; what is being loaded then is kept when it comes.
   * @default "2s"
   */
  readonly within?: Duration;
  /**
   * Tenants that are warmed at the same time; others wait, and their time passes meanwhile.
   * @default 8
   */
  readonly tenants?: number;
  /**
   * Values of one tenant that are loaded at the same time.
   * @default 4
   */
  readonly perTenantConcurrency?: number;
  /**
   * `report`: what failed is told by the report, which nobody has to read. `throw`: it rejects with the first failure.
   * @default "report"
   */
  readonly whenWarmingFails?: "report" | "throw";
}

export interface TenantWarmers<Params extends Readonly<Record<string, unknown>>> {
  /**
   * Has everything loaded that the tenant will ask for first, as far as it is not there: to be called on login. Calls for a
   * tenant that is being warmed share one run.
   * @param only names of the warmers to be used, by default all; such a call has a run of its own
   */
  warmTenantCache(tenantId: string, only?: readonly (keyof Params & string)[]): Promise<WarmReport>;
  /**
   * Ends all values of the tenant, those that are no warmer's included, and tells all processes. A run that is under way
   * keeps nothing of what it read before; the next call of `warmTenantCache` begins another.
   */
  invalidateTenantCache(tenantId: string, options?: InvalidateOptions): Promise<Receipt>;
  /** For `cache.warm`: all warmers, for many tenants. */
  readonly entries: readonly WarmEntry<unknown>[];
}

const optionsSchema = z.strictObject({
  within: durationOption.default(2000),
  tenants: z.int().min(1).max(1000).default(8),
  perTenantConcurrency: z.int().min(1).max(1000).default(4),
  whenWarmingFails: z.enum(["report", "throw"]).default("report"),
});

const warmersSchema = z
  .record(z.string(), z.custom<WarmEntry<unknown>>(isWarmEntry, "expected [definition, function of the tenant's id]"))
  .refine((warmers) => Object.keys(warmers).length > 0, "expected at least one warmer");

/**
 * Names what a tenant asks for first. Asks nobody at construction.
 * @throws {ConfigError} for wrong warmers and options
 */
export function createTenantWarmers<Params extends Readonly<Record<string, unknown>>>(
  cache: Pick<Cache, "warm" | "tenant">,
  warmers: { readonly [Name in keyof Params]: WarmEntry<Params[Name]> },
  options: TenantWarmersOptions = {},
): TenantWarmers<Params> {
  const named = new Map(Object.entries(parseOptions(warmersSchema, warmers, "createTenantWarmers: warmers")));
  const settings = parseOptions(optionsSchema, options, "createTenantWarmers");
  const entries = [...named.values()];
  const run = createRuns(cache, settings);
  const runs = new Map<string, Promise<WarmReport>>();

  const chosen = (names: readonly string[]): WarmEntry<unknown>[] =>
    [...named].filter(([name]) => names.includes(name)).map(([, entry]) => entry);

  function share(tenantId: string): Promise<WarmReport> {
    const current = runs.get(tenantId);
    if (current !== undefined) return current;
    const made = run(tenantId, entries).finally(() => {
      if (runs.get(tenantId) === made) runs.delete(tenantId);
    });
    runs.set(tenantId, made);
    return made;
  }

  return {
    entries,
    async warmTenantCache(tenantId, only) {
      const report = await (only === undefined ? share(tenantId) : run(tenantId, chosen(only)));
      const [failure] = report.failures;
      if (settings.whenWarmingFails === "throw" && failure !== undefined) throw failure.error;
      return report;
    },
    async invalidateTenantCache(tenantId, options) {
      // Whoever comes after this must not be told what a run did before it.
      runs.delete(tenantId);
      return cache.tenant(tenantId).clear(options);
    },
  };
}

type Run = (tenantId: string, entries: readonly WarmEntry<unknown>[]) => Promise<WarmReport>;

/** Runs for one tenant each, so many at a time. Each answers in time, with what there is by then. */
function createRuns(cache: Pick<Cache, "warm">, settings: z.output<typeof optionsSchema>): Run {
  const { within, tenants, perTenantConcurrency } = settings;
  const slots = createSlots(tenants);
  return async (tenantId, entries) => {
    if (entries.length === 0) return { ...NOTHING, isAborted: false };
    const signal = AbortSignal.timeout(within);
    const turn = slots.take().then(() => true);
    if ((await untilStopped(turn, signal)) === undefined) {
      void turn.then(() => slots.give());
      return { ...NOTHING, durationMs: within };
    }
    const lanes = { concurrency: perTenantConcurrency, perTenantConcurrency };
    const run = cache.warm({ tenants: [tenantId], entries, ...lanes, signal });
    const done = Promise.resolve(run);
    // It gives its place to another when it is over, not when nobody waits for it any more.
    void done.finally(() => slots.give());
    return (await untilStopped(done, signal)) ?? { ...run.report(), isAborted: true };
  };
}

const NOTHING: WarmReport = {
  ...{ done: 0, loaded: 0, fresh: 0, failed: 0, isAborted: true, durationMs: 0 },
  failures: [],
  resume: undefined,
};
