import { type Clock, ConfigError, type RateLimitRule, systemClock } from "@scale/core";
import { createHits, type HitsOptions, hitsRule } from "./hit-counter.js";

export interface RateLimitStoreOptions extends HitsOptions {
  readonly clock?: Clock;
}

/** What express-rate-limit is told of a client. */
export interface ClientHits {
  readonly totalHits: number;
  readonly resetTime: Date;
}

/** The `Store` of express-rate-limit 6 and later, as far as it asks for one. */
export interface ExpressRateLimitStore {
  readonly localKeys: false;
  readonly prefix: string;
  init(options: { readonly windowMs: number }): void;
  get(key: string): Promise<ClientHits | undefined>;
  increment(key: string): Promise<ClientHits>;
  decrement(key: string): Promise<void>;
  resetKey(key: string): Promise<void>;
}

/** More hits than any window sees, and few enough that every store counts them exactly. */
const UNREACHED = 1_000_000_000;

/**
 * Keeps the counts of express-rate-limit in a store of this package; what is allowed stays its decision. Windows begin at
 * whole multiples of their length since 1970, in every process alike. When the store cannot answer, its methods reject:
 * express-rate-limit passes the error on, or the request with `passOnStoreError`.
 * One for each `rateLimit()` of theirs: two with one name count together.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitStore({ clock = systemClock, ...options }: RateLimitStoreOptions): ExpressRateLimitStore {
  const hits = createHits(options, "rateLimitStore");
  let rule: RateLimitRule | undefined;

  function ruleNow(): RateLimitRule {
    if (rule !== undefined) return rule;
    throw new ConfigError("rateLimitStore: asked before init, which express-rate-limit calls with its windowMs");
  }

  async function told(key: string, cost: number): Promise<ClientHits> {
    const { standing } = await hits.take(key, ruleNow(), cost);
    const resetTime = new Date(clock.now() + standing.resetMs);
    return { totalHits: UNREACHED - standing.remaining, resetTime };
  }

  return {
    localKeys: false,
    prefix: options.name,
    init({ windowMs }) {
      rule = hitsRule({ name: "~hits", algorithm: "fixed-window", limit: UNREACHED, windowMs });
    },
    async get(key) {
      const found = await told(key, 0);
      return found.totalHits === 0 ? undefined : found;
    },
    increment: (key) => told(key, 1),
    async decrement(key) {
      // It does not say which hit; one of this window is what it can mean.
      const { taken } = await hits.take(key, ruleNow(), 0);
      await hits.give(key, ruleNow(), taken);
    },
    resetKey: async (key) => hits.reset(key, ruleNow()),
  };
}
