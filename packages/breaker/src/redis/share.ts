import { randomUUID } from "node:crypto";
import { type Clock, StoreError } from "@scale/core";
import {
  clockOption,
  describeValue,
  joinKey,
  parseOptions,
  prefixOption,
  redisOption,
  timeoutOption,
} from "@scale/core/kit";
import { createScriptRunner, type RedisLike, type Script, type ScriptRunner } from "@scale/core/redis";
import { z } from "zod";
import type { BreakerShare, SharedBreaker } from "../share.js";
import { claimProbe, readAdvice, reportClosed, reportOpen } from "./scripts.gen.js";

export interface RedisShareOptions {
  /** ioredis or node-redis client: single, Sentinel or Cluster. The application connects and closes it. */
  readonly redis: RedisLike;
  /**
   * First part of every key. Applications that share a server need different ones.
   * @default "scale:breaker"
   */
  readonly prefix?: string;
  /**
   * Deadline of a call to Redis in milliseconds. No call of a closed breaker waits for one.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Processes that must have opened their breaker before another follows after a failure of its own.
   * @default 2
   */
  readonly quorum?: number;
  /** Clock that decides instead of the server's own, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  prefix: prefixOption("scale:breaker"),
  timeoutMs: timeoutOption(50),
  quorum: z.int().min(1).max(100_000).default(2),
  clock: clockOption.optional(),
});

/** A verdict outlives the open time: its process may be called too seldom to probe at once. */
const GRACE_MS = 10_000;
/** A process with a broken network must not keep the others from probing. */
const MAX_WAIT_MS = 5000;
const KEEP_RECOVERY_MS = 60_000;

/**
 * Shares the state of breakers over Redis: one process probes at a time, and a process with a failure of its own follows the
 * verdict of `quorum` others. A closed breaker sends at most two commands for a thousand calls, and none while nothing fails.
 * While Redis does not answer, every process decides alone.
 */
export function redisShare(options: RedisShareOptions): BreakerShare {
  const { redis, prefix, timeoutMs, quorum, clock } = parseOptions(optionsSchema, options, "redisShare");
  const runner = createScriptRunner({ redis, timeoutMs });
  const instance = randomUUID();
  return {
    quorum,
    forBreaker(name, key) {
      const tag = `${prefix}:{${joinKey(key === undefined ? [name] : [name, key])}}`;
      return sharedBreaker(runner, { state: `${tag}:state`, open: `${tag}:open` }, { instance, clock });
    },
  };
}

interface Keys {
  readonly state: string;
  readonly open: string;
}

interface Process {
  readonly instance: string;
  readonly clock: Clock | undefined;
}

function sharedBreaker(runner: ScriptRunner, keys: Keys, { instance, clock }: Process): SharedBreaker {
  const now = (): string => (clock === undefined ? "" : String(Math.floor(clock.now())));
  const both = [keys.state, keys.open];
  return {
    async reportOpen(openMs) {
      const args = [now(), instance, String(Math.ceil(openMs)), String(GRACE_MS), String(MAX_WAIT_MS)];
      await runner.run(reportOpen, { keys: both, args });
    },
    async reportClosed() {
      await runner.run(reportClosed, { keys: both, args: [instance, String(KEEP_RECOVERY_MS)] });
    },
    async claimProbe(leaseMs) {
      const reply = await runner.run(claimProbe, { keys: [keys.state], args: [now(), instance, String(leaseMs)] });
      const [granted, retryAfterMs] = pairOf(reply, claimProbe);
      return granted === 1 ? { isGranted: true } : { isGranted: false, retryAfterMs };
    },
    async readAdvice() {
      const reply = await runner.run(readAdvice, { keys: [keys.open], args: [now(), String(GRACE_MS)] });
      const [openInstances, retryAfterMs] = pairOf(reply, readAdvice);
      return { openInstances, retryAfterMs };
    },
  };
}

function pairOf(reply: unknown, { name }: Script): readonly [number, number] {
  if (Array.isArray(reply) && reply.length === 2) {
    const [first, second]: unknown[] = reply;
    if (typeof first === "number" && typeof second === "number") return [first, second];
  }
  throw new StoreError(`Redis script ${name}: expected two integers, got ${describeValue(reply)}`);
}
