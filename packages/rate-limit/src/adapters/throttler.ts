import { ConfigError, isScaleError, type RateLimitRule } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { RuleStatus } from "../types.js";
import {
  createHitCounter,
  type HitCounter,
  type HitCounterOptions,
  hitRule,
  statusOf,
  UNREACHABLE_LIMIT,
} from "./hit-counter.js";

/** The record that the guard of @nestjs/throttler expects. Times are integer seconds. */
export interface ThrottlerRecord {
  readonly totalHits: number;
  readonly timeToExpire: number;
  readonly isBlocked: boolean;
  readonly timeToBlockExpire: number;
}

/** The `ThrottlerStorage` of @nestjs/throttler 6. */
export interface ThrottlerStorage {
  /** @param ttl milliseconds, as is `blockDuration` */
  // oxlint-disable-next-line max-params -- the signature of @nestjs/throttler
  increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord>;
}

const POLICIES: ReadonlySet<unknown> = new Set(["allow", "deny", "throw"]);

/**
 * Keeps the counts of @nestjs/throttler in a store of this package. Windows begin at multiples of their length since 1970,
 * alike in every process. A client above its limit is blocked for `blockDuration`, and starts with an empty count
 * afterwards. Calls the store once, and a second time when it blocks a client.
 * @param options `whenStoreFails`: failure policy for when the store cannot answer, by default `throw`
 * @throws {ConfigError} that names the wrong option
 */
export function throttlerStorage({
  whenStoreFails = "throw",
  ...options
}: HitCounterOptions & { readonly whenStoreFails?: "allow" | "deny" | "throw" }): ThrottlerStorage {
  const counter = createHitCounter(options, "throttlerStorage");
  if (!POLICIES.has(whenStoreFails)) {
    throw new ConfigError(
      `throttlerStorage: whenStoreFails: expected allow, deny or throw, got ${describeValue(whenStoreFails)}`,
    );
  }

  return {
    // oxlint-disable-next-line max-params -- the signature of @nestjs/throttler
    async increment(key, ttl, limit, blockDuration, throttlerName) {
      const whole = wholeLimit(limit);
      if (whole < 1) return blocked(whole, ttl, Math.max(blockDuration, ttl));
      try {
        return await countHit(counter, { key, ttl, limit: whole, blockDuration, throttlerName });
      } catch (error) {
        if (whenStoreFails === "throw" || !isScaleError(error, "SCALE_STORE")) throw error;
        if (whenStoreFails === "deny") return blocked(whole, RETRY_MS, RETRY_MS);
        return { totalHits: 0, timeToExpire: seconds(ttl), isBlocked: false, timeToBlockExpire: 0 };
      }
    },
  };
}

/** @throws {TypeError} for a limit that is no number: to compare with it would block no client */
function wholeLimit(limit: number): number {
  if (typeof limit !== "number" || Number.isNaN(limit)) {
    throw new TypeError(`throttlerStorage: limit: expected a number, got ${describeValue(limit)}`);
  }
  return Math.min(Math.floor(limit), UNREACHABLE_LIMIT);
}

async function countHit(
  counter: HitCounter,
  hit: { key: string; ttl: number; limit: number; blockDuration: number; throttlerName: string },
): Promise<ThrottlerRecord> {
  const { key, ttl, limit, blockDuration, throttlerName } = hit;
  const rule = hitRule({ name: `~hits.${throttlerName}`, algorithm: "fixed-window", limit, windowMs: ttl }, "ttl");
  const block = blockDuration <= 0 ? undefined : blockRule(throttlerName, blockDuration);
  // Both at once, so that a store that batches sends them in one command.
  const [blockState, hits] = await Promise.all([
    block && counter.consume(key, block, 0),
    counter.consume(key, rule, 1),
  ]);
  const { remaining, resetMs, retryAfterMs }: RuleStatus = statusOf(hits);
  if (blockState !== undefined && !blockState.allowed) {
    if (hits.allowed) await counter.refund(key, rule, { units: 1, consumed: hits });
    return blocked(limit, resetMs, statusOf(blockState).retryAfterMs);
  }
  if (hits.allowed) {
    return { totalHits: limit - remaining, timeToExpire: seconds(resetMs), isBlocked: false, timeToBlockExpire: 0 };
  }
  if (block === undefined) return blocked(limit, resetMs, retryAfterMs);
  await Promise.all([counter.consume(key, block, 1), counter.reset(key, rule)]);
  return blocked(limit, resetMs, blockDuration);
}

/** A bucket for one unit that takes the whole block duration to leak. */
const blockRule = (throttlerName: string, windowMs: number): RateLimitRule =>
  hitRule({ name: `~block.${throttlerName}`, algorithm: "gcra", limit: 1, windowMs }, "blockDuration");

/** Retry time of a denial while the store cannot answer. Its real recovery time is unknown. */
const RETRY_MS = 1000;

const blocked = (limit: number, resetMs: number, waitMs: number): ThrottlerRecord => ({
  totalHits: limit + 1,
  timeToExpire: seconds(resetMs),
  isBlocked: true,
  timeToBlockExpire: Math.max(1, seconds(waitMs)),
});

const seconds = (ms: number): number => Math.ceil(ms / 1000);
