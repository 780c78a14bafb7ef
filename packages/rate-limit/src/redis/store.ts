import { type Clock, isClock, joinKey, keySegment, parseOptions, tenantKeyPrefix } from "@scale/core";
import { createScriptRunner, isRedisLike, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { Charge, RateLimitStore, Take, Taken } from "../types.js";
import { decodeReply, encodeBatch, type KeyOf, type Pending } from "./batch.js";
import { ruleArgs } from "./rule-args.js";
import { decodeOne, loneCharge } from "./gcra-reply.js";
import { forget, release, takeOne } from "./scripts.gen.js";

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

/** Bounds how long one script holds the server. */
const MAX_BATCH = 32;

/**
 * Counts in Redis, exactly, for all processes that share the server and the prefix.
 * Decisions that come together are sent as one command, per tenant on a Cluster. The time is the server's,
 * so that processes with wrong clocks agree.
 */
export function redisStore(options: RedisStoreOptions): RateLimitStore {
  const { redis, prefix, timeoutMs, clock } = parseOptions(optionsSchema, options, "redisStore");
  const runner = createScriptRunner({ redis, timeoutMs });
  const keyOf = keyBuilder(prefix);
  const keysOf = ({ tenantId, charges }: Pick<Take, "tenantId" | "charges">): string[] =>
    charges.map((charge) => keyOf(tenantId, charge));
  const open = new Map<string, Pending[]>();
  let inFlight = 0;

  function send(batch: readonly Pending[]): void {
    const encoded = encodeBatch(batch, keyOf);
    const now = clock === undefined ? "" : String(clock.now());
    const fail = (error: unknown): void => {
      // First: whoever asks again when it is settled must see that nothing is under way.
      inFlight--;
      for (const { reject } of batch) reject(error);
    };
    inFlight++;
    runner.run(encoded.script, { keys: encoded.keys, args: [now, ...encoded.args] }).then((reply) => {
      let answers: (Taken | undefined)[];
      try {
        answers = decodeReply(batch, encoded, reply);
      } catch (error) {
        return fail(error);
      }
      inFlight--;
      for (let i = 0; i < batch.length; i++) batch[i]?.resolve(answers[i] as Taken & undefined);
    }, fail);
  }

  /** In equal parts: while the server decides one, this process prepares the next and reads the answers of the last. */
  function flush(group: string): void {
    const batch = open.get(group) ?? [];
    open.delete(group);
    const parts = Math.ceil(batch.length / MAX_BATCH);
    for (let i = 0; i < parts; i++) {
      send(batch.slice(Math.round((i * batch.length) / parts), Math.round(((i + 1) * batch.length) / parts)));
    }
  }

  function enqueue(tenantId: string, pending: Pending): void {
    const group = runner.isCluster ? tenantId : "";
    const batch = open.get(group);
    if (batch !== undefined) {
      batch.push(pending);
      return;
    }
    // With nothing under way a question is sent at once. Otherwise it may wait for the end of this turn of the event loop:
    // more will come from the sockets that are read in it.
    if (inFlight === 0) {
      send([pending]);
      return;
    }
    open.set(group, [pending]);
    setImmediate(flush, group);
  }

  /** A question that comes alone is one that somebody waits for: over one rule it goes the shortest way. */
  async function sendOne({ tenantId, cost }: Take, charge: Charge): Promise<Taken> {
    const now = clock === undefined ? "" : String(clock.now());
    const call = { keys: [keyOf(tenantId, charge)], args: [now, String(cost), ...ruleArgs(charge.rule)] };
    inFlight++;
    try {
      return decodeOne(charge.rule, cost, await runner.run(takeOne, call));
    } finally {
      inFlight--;
    }
  }

  return {
    settlesWithinMs: timeoutMs,
    take(take) {
      const lone = inFlight === 0 ? loneCharge(take) : undefined;
      if (lone !== undefined) return sendOne(take, lone);
      return new Promise((resolve, reject) => {
        enqueue(take.tenantId, { take, resolve, reject });
      });
    },
    give: (give) =>
      new Promise((resolve, reject) => {
        enqueue(give.tenantId, { give, resolve, reject });
      }),
    async reset(question) {
      await runner.run(forget, { keys: keysOf(question), args: [] });
    },
    async release(held) {
      await runner.run(release, { keys: keysOf(held), args: [held.slot] });
    },
  };
}

function keyBuilder(prefix: string): KeyOf {
  // The same arrays come with every request, and joining them again costs as much as the rest of a key.
  const scopes = new WeakMap<readonly string[], string>();
  return (tenantId, { scope, subject }) => {
    let known = scopes.get(scope);
    if (known === undefined) scopes.set(scope, (known = joinKey(scope)));
    return `${tenantKeyPrefix(prefix, tenantId)}${known}:${keySegment(subject)}`;
  };
}
