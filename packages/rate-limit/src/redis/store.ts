import { type Clock, isClock, joinKey, keySegment, parseOptions, tenantKeyPrefix } from "@scale/core";
import { createScriptRunner, isRedisLike, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { RateLimitStore, Take, Taken } from "../types.js";
import { decodeReply, encodeBatch, type Pending } from "./batch.js";
import { take as takeScript } from "./scripts.gen.js";

export interface RedisStoreOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. It stays yours: we never connect or close it. */
  readonly redis: RedisLike;
  /**
   * First part of every key. Limiters that share a server and a prefix need different names.
   * @default "scale:rl"
   */
  readonly prefix?: string;
  /**
   * Milliseconds within which Redis must answer.
   * @default 50
   */
  readonly timeoutMs?: number;
  /** For tests: the time that decides, in place of the server's own clock. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: z.custom<RedisLike>(isRedisLike, "expected an ioredis or node-redis client"),
  prefix: z.string().min(1).default("scale:rl"),
  timeoutMs: z.number().min(1).max(60_000).default(50),
  clock: z.custom<Clock>(isClock, "expected a clock with now and monotonic").optional(),
});

/** Bounds how long one script holds the server: 64 decisions over three rules take about half a millisecond there. */
const MAX_BATCH = 64;

/**
 * Counts in Redis, exactly, for all processes that share the server and the prefix.
 * Decisions that come together are sent as one command, per tenant on a Cluster. The time is the server's,
 * so that processes with wrong clocks agree.
 */
export function redisStore(options: RedisStoreOptions): RateLimitStore {
  const { redis, prefix, timeoutMs, clock } = parseOptions(optionsSchema, options, "redisStore");
  const runner = createScriptRunner({ redis, timeoutMs });
  const open = new Map<string, Pending[]>();
  let inFlight = 0;

  // The same arrays come with every request, and joining them again costs as much as the rest of a key.
  const scopes = new WeakMap<readonly string[], string>();

  function keysOf({ tenantId, charges }: Take): string[] {
    const start = tenantKeyPrefix(prefix, tenantId);
    return charges.map(({ scope, subject }) => {
      let known = scopes.get(scope);
      if (known === undefined) scopes.set(scope, (known = joinKey(scope)));
      return `${start}${known}:${keySegment(subject)}`;
    });
  }

  async function send(batch: readonly Pending[]): Promise<void> {
    const { keys, body } = encodeBatch(batch);
    const now = clock === undefined ? "" : String(clock.now());
    inFlight++;
    let settle: () => void;
    try {
      const taken = decodeReply(batch, await runner.run(takeScript, { keys, args: [now, body] }));
      settle = () => batch.forEach(({ resolve }, i) => resolve(taken[i] as Taken));
    } catch (error) {
      settle = () => {
        for (const { reject } of batch) reject(error);
      };
    }
    // First: whoever asks again when it is settled must see that nothing is under way.
    inFlight--;
    settle();
  }

  function flush(group: string): void {
    const batch = open.get(group);
    open.delete(group);
    // `send` gives every outcome to the decisions and rejects nothing itself.
    if (batch !== undefined) void send(batch);
  }

  function enqueue(group: string, pending: Pending): void {
    const batch = open.get(group);
    if (batch !== undefined) {
      if (batch.push(pending) >= MAX_BATCH) flush(group);
      return;
    }
    open.set(group, [pending]);
    // With nothing under way a decision must not wait for the next turn of the event loop. Otherwise it may: more will
    // come from the sockets that are read in this one.
    if (inFlight === 0) process.nextTick(flush, group);
    else setImmediate(flush, group);
  }

  return {
    settlesWithinMs: timeoutMs,
    take: (take: Take) =>
      new Promise<Taken>((resolve, reject) => {
        const keys = keysOf(take);
        enqueue(runner.isCluster ? take.tenantId : "", { take, keys, resolve, reject });
      }),
  };
}
