import { type Clock, ConfigError, type RateLimitRule, systemClock } from "@scale/core";
import { createHitCounter, type HitCounterOptions, hitRule, statusOf } from "./hit-counter.js";

export interface RateLimitStoreOptions extends HitCounterOptions {
  readonly clock?: Clock;
}

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
  resetKey(key: string): Promise<void>;
}

/** A limit above any real number of hits in a window, and small enough for every store to count exactly. */
const UNREACHABLE_LIMIT = 1_000_000_000;

/**
 * Keeps the counts of express-rate-limit in a store of this package; express-rate-limit still decides. Windows begin at
 * multiples of their length since 1970, alike in every process. When the store cannot answer, its methods reject:
 * express-rate-limit passes the error on, or the request with `passOnStoreError`.
 * Create one for each `rateLimit()` of express-rate-limit: two with one name share their counts.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitStore({ clock = systemClock, ...options }: RateLimitStoreOptions): ExpressRateLimitStore {
  const counter = createHitCounter(options, "rateLimitStore");
  let rule: RateLimitRule | undefined;

  function initialized(): RateLimitRule {
    if (rule !== undefined) return rule;
    throw new ConfigError(
      "rateLimitStore: expected a call of init first: pass the store to rateLimit() of express-rate-limit",
    );
  }

  async function count(key: string, cost: number): Promise<ClientHits> {
    const { remaining, resetMs } = statusOf(await counter.consume(key, initialized(), cost));
    return { totalHits: UNREACHABLE_LIMIT - remaining, resetTime: new Date(clock.now() + resetMs) };
  }

  return {
    localKeys: false,
    prefix: options.name,
    init({ windowMs }) {
      rule = hitRule({ name: "~hits", algorithm: "fixed-window", limit: UNREACHABLE_LIMIT, windowMs });
    },
    async get(key) {
      const found = await count(key, 0);
      return found.totalHits === 0 ? undefined : found;
    },
    increment: (key) => count(key, 1),
    async decrement(key) {
      // The library does not say which hit. It can only mean a hit of the current window.
      const consumed = await counter.consume(key, initialized(), 0);
      await counter.refund(key, initialized(), consumed);
    },
    resetKey: async (key) => counter.reset(key, initialized()),
  };
}
