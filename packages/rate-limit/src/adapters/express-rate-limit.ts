import { type Clock, ConfigError, type RateLimitRule, systemClock } from "@scale/core";
import type { ConsumeResult } from "../types.js";
import { createHitCounter, type HitCounterOptions, hitRule, statusOf, UNREACHABLE_LIMIT } from "./hit-counter.js";
import { createResetGeneration } from "./reset-generation.js";

/** Hits of a client, as express-rate-limit expects them. */
export interface ClientHits {
  readonly totalHits: number;
  readonly resetTime: Date;
}

/** The members of the `Store` of express-rate-limit 6 and later that it calls. */
export interface ExpressRateLimitStore {
  readonly localKeys: false;
  readonly prefix: string;
  init(options: { readonly windowMs: number }): void;
  get(key: string): Promise<ClientHits | undefined>;
  increment(key: string): Promise<ClientHits>;
  decrement(key: string): Promise<void>;
  /** Deletes the count of a client, whatever its window: a script need not call `init`. */
  resetKey(key: string): Promise<void>;
  /** Makes every client start with an empty count. Other processes may count old hits for another second. */
  resetAll(): Promise<void>;
  /** Does nothing: the counts are in the application's store, where other processes go on counting. */
  shutdown(): void;
}

/** Units of a hit. The last hit that is taken back leaves one unit, which tells 0 hits from a client that never came. */
const HIT_UNITS = 1000;

/** Window before `init`: the default of express-rate-limit. `resetKey` finds counts by name, whatever their window. */
const DEFAULT_WINDOW_MS = 60_000;

/**
 * @returns `of`: the rule of a generation of counts. A store recognizes a rule by its object
 * @throws {RangeError} for a window that no store can keep
 */
function hitRules(windowMs: number): { readonly windowMs: number; of(generation: number): RateLimitRule } {
  const first = hitRule({ name: "~hits", algorithm: "fixed-window", limit: UNREACHABLE_LIMIT * HIT_UNITS, windowMs });
  const known = new Map([[0, first]]);
  return {
    windowMs,
    of(generation) {
      let rule = known.get(generation);
      if (rule === undefined) known.set(generation, (rule = { ...first, name: `~hits.${generation}` }));
      return rule;
    },
  };
}

/**
 * Keeps the counts of express-rate-limit in a store of this package; express-rate-limit still decides. Windows begin at
 * multiples of their length since 1970, alike in every process. When the store cannot answer, its methods reject:
 * express-rate-limit passes the error on, or the request with `passOnStoreError`.
 * Create one for each `rateLimit()` of express-rate-limit: two with one name share their counts.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitStore({
  clock = systemClock,
  ...options
}: HitCounterOptions & { readonly clock?: Clock }): ExpressRateLimitStore {
  const counter = createHitCounter(options, "rateLimitStore");
  const resets = createResetGeneration(counter, options.name, clock);
  let rules: ReturnType<typeof hitRules> | undefined = hitRules(DEFAULT_WINDOW_MS);

  /** express-rate-limit goes on counting after `init` has thrown. */
  function initialized(): ReturnType<typeof hitRules> {
    if (rules !== undefined) return rules;
    throw new ConfigError("rateLimitStore: init: expected a window of 1 ms to 400 days, see the error of init");
  }

  async function count(key: string, cost: number) {
    const { windowMs, of } = initialized();
    const rule = of(resets.current(windowMs));
    const consumed = await counter.consume(key, rule, cost);
    return { units: rule.limit - statusOf(consumed).remaining, rule, consumed };
  }

  const hitsFrom = ({ units, consumed }: { units: number; consumed: ConsumeResult }): ClientHits => ({
    totalHits: Math.floor(units / HIT_UNITS),
    resetTime: new Date(clock.now() + statusOf(consumed).resetMs),
  });

  return {
    localKeys: false,
    prefix: options.name,
    init({ windowMs }) {
      rules = undefined;
      rules = hitRules(windowMs);
    },
    async get(key) {
      const found = await count(key, 0);
      return found.units === 0 ? undefined : hitsFrom(found);
    },
    increment: async (key) => hitsFrom(await count(key, HIT_UNITS)),
    async decrement(key) {
      // The library does not say which hit. It can only mean a hit of the current window.
      const { units: counted, rule, consumed } = await count(key, 0);
      if (counted < HIT_UNITS) return;
      const units = counted === HIT_UNITS ? HIT_UNITS - 1 : HIT_UNITS;
      await counter.refund(key, rule, { units, consumed });
    },
    async resetKey(key) {
      const { windowMs, of } = rules ?? hitRules(DEFAULT_WINDOW_MS);
      await counter.reset(key, of(await resets.read(windowMs)));
    },
    resetAll: async () => resets.advance(initialized().windowMs),
    shutdown: () => undefined,
  };
}
