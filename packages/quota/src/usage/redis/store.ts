import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions, prefixOption, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { UsageLedger } from "../ledger/types.js";
import { KEEP_OUTCOME_MS, type UsageStore } from "../store.js";
import { countOf, type RedisUsageContext } from "./context.js";
import { creditCount } from "./credit.js";
import { readCounts } from "./read.js";
import { reconcileCount } from "./reconcile.js";
import { createRepeater } from "./repeat.js";
import { createUsageCalls } from "./usage-calls.js";
import { createWriteBehind } from "./write-behind.js";

export interface RedisUsageOptions {
  /** ioredis or node-redis client: single, Sentinel or Cluster. The caller connects and closes it. */
  readonly redis: RedisLike;
  /**
   * Ledger that usage is written to, and read from when Redis has lost a count. Without it, lost counts start from 0.
   * @default none
   */
  readonly ledger?: UsageLedger;
  /**
   * First part of every key.
   * @default "scale:quota"
   */
  readonly prefix?: string;
  /**
   * Timeout of one round trip to Redis, in milliseconds. A call takes one; the first call for a count that Redis lacks
   * takes up to four, and one to the ledger.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between two flushes to the ledger: the usage that Redis can lose with its data.
   * @default 1000
   */
  readonly flushEveryMs?: number;
  /**
   * Milliseconds for which the same id gets the same answer, after its last change. Each id takes a key of Redis for that
   * long: lower it for a product with millions of ids an hour.
   * @default 86_400_000
   */
  readonly rememberMs?: number;
  /** Clock for tests, in place of the server's own. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  ledger: z
    .custom<UsageLedger>(
      (value) => typeof value === "object" && value !== null && "read" in value && "write" in value,
      "expected a ledger from postgresLedger",
    )
    .optional(),
  prefix: prefixOption("scale:quota"),
  timeoutMs: timeoutOption(50),
  flushEveryMs: z.number().min(10).max(3_600_000).default(1000),
  rememberMs: z.number().int().min(1000).max(2_592_000_000).default(KEEP_OUTCOME_MS),
  clock: clockOption.optional(),
});

/** Usage in Redis. */
export interface RedisUsage extends UsageStore {
  /**
   * Resolves when the ledger has every unit that this process committed before the call; at once without a ledger. A write
   * that is carried out late is the same write: the next flush finds it, or repeats it.
   */
  flush(): Promise<void>;
  /** Repeats unanswered calls once more, flushes to the ledger for the last time, and stops. The clients stay open. */
  close(): Promise<void>;
}

/**
 * Counts usage in Redis, exactly, for all processes that share the server and the prefix. It uses the server's clock.
 * With a ledger, usage is flushed to it every `flushEveryMs`, by this process or, after its death, by another one. A
 * count that Redis lacks starts from the ledger. Holds are in Redis alone.
 * Each call has a name that the scripts know for a minute: a client that sends it again after a broken connection is
 * counted once.
 * A process should `close` the store; otherwise other processes make its last flush, and unanswered calls stay so.
 */
export function redisUsage(options: RedisUsageOptions): RedisUsage {
  const { redis, timeoutMs, flushEveryMs, clock, ...rest } = parseOptions(optionsSchema, options, "redisUsage");
  const context: RedisUsageContext = {
    ...{ prefix: rest.prefix, ledger: rest.ledger, rememberMs: rest.rememberMs },
    runner: createScriptRunner({ redis, timeoutMs }),
    clock: clock ?? systemClock,
    now: () => (clock === undefined ? "" : String(Math.floor(clock.now()))),
  };
  const repeater = createRepeater(systemClock);
  const writeBehind = rest.ledger && createWriteBehind(context, rest.ledger, flushEveryMs);
  const calls = createUsageCalls(context, writeBehind, repeater);
  return {
    ...calls,
    read: (input) => readCounts(context, input),
    reconcile: (input) => reconcileCount(context, writeBehind, countOf(context, input)),
    credit: (input) => creditCount(context, writeBehind, input),
    flush: async () => writeBehind?.flusher.flush(),
    async close() {
      await repeater.close();
      await writeBehind?.flusher.close();
    },
  };
}
