import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions, prefixOption, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { UsageLedger } from "../ledger/types.js";
import { type BulkUsageStore, KEEP_OUTCOME_MS } from "../store.js";
import { commitCall, outcomeOfCharges, outcomeOfCommit, releaseCall, reserveCall, useCall } from "./script-calls.js";
import { createBehind, createDecide, createRecord } from "./run-script.js";
import { readStandings } from "./read.js";
import { reconcileCount } from "./reconcile.js";
import { commit, release, reserve } from "./scripts.gen.js";
import { countOf, type Wiring } from "./context.js";

export interface RedisUsageOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. It stays yours: we never connect or close it. */
  readonly redis: RedisLike;
  /**
   * Where usage is written to, and read from when Redis has lost it. Without one, what Redis loses is not counted.
   * @default none
   */
  readonly ledger?: UsageLedger;
  /**
   * First part of every key.
   * @default "scale:quota"
   */
  readonly prefix?: string;
  /**
   * Milliseconds within which Redis must answer. A call asks it once; the first for a count that Redis does not have up
   * to four times, and the ledger once.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between two writings to the ledger: what Redis can lose with its data.
   * @default 1000
   */
  readonly flushEveryMs?: number;
  /**
   * Milliseconds for which the same id gets the same answer, after the last that happened to it. Each id takes a key of
   * Redis for so long: a product with millions of ids an hour wants less.
   * @default 86_400_000
   */
  readonly rememberMs?: number;
  /** For tests: the time that decides, in place of the server's own clock. */
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

/** Usage in Redis, with what only a store with a ledger has. */
export interface RedisUsage extends BulkUsageStore {
  /** Resolves when the ledger has what this process had committed before the call; at once without a ledger. */
  flush(): Promise<void>;
  /** Writes to the ledger for the last time, and stops. The client and the ledger's pool stay open. */
  close(): Promise<void>;
}

/**
 * Counts usage in Redis, exactly, for all processes that share the server and the prefix. The time is the server's.
 * With a ledger it is written there every `flushEveryMs`, by this process or, when it dies, by another, and a count that
 * Redis does not have starts from what the ledger has. Holds are in Redis alone.
 * A process with a ledger must `close` the store, or leaves the last writing to others.
 */
export function redisUsage(options: RedisUsageOptions): RedisUsage {
  const { redis, timeoutMs, flushEveryMs, clock, ...rest } = parseOptions(optionsSchema, options, "redisUsage");
  const wiring: Wiring = {
    ...{ prefix: rest.prefix, ledger: rest.ledger, rememberMs: rest.rememberMs },
    runner: createScriptRunner({ redis, timeoutMs }),
    clock: clock ?? systemClock,
    now: () => (clock === undefined ? "" : String(Math.floor(clock.now()))),
  };
  const behind = rest.ledger && createBehind(wiring, rest.ledger, flushEveryMs);
  const decide = createDecide(wiring, behind);
  const record = createRecord(decide, behind);

  return {
    async reserveAll(input) {
      return outcomeOfCharges(input.charges, await decide(reserve, reserveCall(wiring, input)));
    },
    async useAll(input) {
      return outcomeOfCharges(input.charges, await record(reserve, useCall(wiring, input)));
    },
    async reserve({ tenantId, id, ttlMs, ...charge }) {
      const calls = reserveCall(wiring, { tenantId, id, ttlMs, charges: [charge] });
      const [, status = 0, used = 0, held = 0] = await decide(reserve, calls);
      return { admitted: status > 0, repeated: status === 2, used, held };
    },
    async commit(input) {
      return outcomeOfCommit(await record(commit, commitCall(wiring, input)));
    },
    async release(input) {
      await wiring.runner.run(release, releaseCall(wiring, input));
    },
    read: (input) => readStandings(wiring, input),
    reconcile: (input) => reconcileCount(wiring, behind?.hydrate, countOf(wiring, input)),
    flush: async () => behind?.flusher.flush(),
    close: async () => behind?.flusher.close(),
  };
}
