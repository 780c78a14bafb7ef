import { ConfigError, isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type Counted, createHits, type HitsOptions, hitsRule } from "./hit-counter.js";

export interface ThrottlerStorageOptions extends HitsOptions {
  /**
   * What a request gets when the store cannot answer.
   * @default "throw"
   */
  readonly whenStoreFails?: "allow" | "deny" | "throw";
}

/** What the guard of @nestjs/throttler is told. Times are whole seconds. */
export interface ThrottlerRecord {
  readonly totalHits: number;
  readonly timeToExpire: number;
  readonly isBlocked: boolean;
  readonly timeToBlockExpire: number;
}

/** The `ThrottlerStorage` of @nestjs/throttler 6. */
export interface ThrottlerStorage {
  /** @param ttl milliseconds, as is `blockDuration` */
  // oxlint-disable-next-line max-params -- the signature is theirs
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
 * Keeps the counts of @nestjs/throttler in a store of this package. Windows begin at whole multiples of their length
 * since 1970, in every process alike. A client that was above its limit is blocked for `blockDuration`, and starts anew
 * after it. One question to the store, a second one for a client that is blocked.
 * @throws {ConfigError} that names the wrong option
 */
export function throttlerStorage({ whenStoreFails = "throw", ...options }: ThrottlerStorageOptions): ThrottlerStorage {
  const hits = createHits(options, "throttlerStorage");
  if (!POLICIES.has(whenStoreFails)) {
    throw new ConfigError(
      `throttlerStorage: whenStoreFails: expected allow, deny or throw, got ${describeValue(whenStoreFails)}`,
    );
  }

  async function count({ key, ttl, limit, blockDuration, throttlerName }: Asked): Promise<ThrottlerRecord> {
    const rule = hitsRule({ name: `~hits.${throttlerName}`, algorithm: "fixed-window", limit, windowMs: ttl });
    // A bucket for one unit that takes the whole block to leak.
    const block =
      blockDuration > 0
        ? hitsRule({ name: `~block.${throttlerName}`, algorithm: "gcra", limit: 1, windowMs: blockDuration })
        : undefined;
    // Without waiting between them: a store that joins questions asks both at once.
    const [blocked, hit] = await Promise.all([block && hits.take(key, block, 0), hits.take(key, rule, 1)]);
    if (blocked !== undefined && !blocked.taken.allowed) {
      if (hit.taken.allowed) await hits.give(key, rule, hit.taken);
      return refused(limit, hit, blocked.standing.retryAfterMs);
    }
    if (hit.taken.allowed) {
      const { remaining, resetMs } = hit.standing;
      return { totalHits: limit - remaining, timeToExpire: seconds(resetMs), isBlocked: false, timeToBlockExpire: 0 };
    }
    if (block === undefined) return refused(limit, hit, hit.standing.retryAfterMs);
    await Promise.all([hits.take(key, block, 1), hits.reset(key, rule)]);
    return refused(limit, hit, blockDuration);
  }

  return {
    // oxlint-disable-next-line max-params -- the signature is theirs
    async increment(key, ttl, limit, blockDuration, throttlerName) {
      if (limit < 1) return above(limit, ttl, Math.max(blockDuration, ttl));
      try {
        return await count({ key, ttl, limit: Math.floor(limit), blockDuration, throttlerName });
      } catch (error) {
        if (whenStoreFails === "throw" || !isScaleError(error, "SCALE_STORE")) throw error;
        if (whenStoreFails === "deny") return above(limit, RETRY_MS, RETRY_MS);
        return { totalHits: 0, timeToExpire: seconds(ttl), isBlocked: false, timeToBlockExpire: 0 };
      }
    },
  };
}

interface Asked {
  readonly key: string;
  readonly ttl: number;
  readonly limit: number;
  readonly blockDuration: number;
  readonly throttlerName: string;
}

/** What a denial asks the client to wait when the store cannot answer: nobody knows when it can. */
const RETRY_MS = 1000;

const refused = (limit: number, { standing }: Counted, waitMs: number): ThrottlerRecord =>
  above(limit, standing.resetMs, waitMs);

const above = (limit: number, resetMs: number, waitMs: number): ThrottlerRecord => ({
  totalHits: Math.floor(limit) + 1,
  timeToExpire: seconds(resetMs),
  isBlocked: true,
  timeToBlockExpire: Math.max(1, seconds(waitMs)),
});

const seconds = (ms: number): number => Math.ceil(ms / 1000);
