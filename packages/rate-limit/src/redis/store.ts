import type { Clock } from "@scale/core";
import {
  clockOption,
  joinKey,
  keySegment,
  parseOptions,
  prefixOption,
  redisOption,
  tenantKeyPrefix,
  timeoutOption,
} from "@scale/core/kit";
import { createBatcher, createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { Charge, RateLimitStore, ConsumeRequest, ConsumeResult } from "../types.js";
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
  redis: redisOption,
  prefix: prefixOption("scale:rl"),
  timeoutMs: timeoutOption(50),
  clock: clockOption.optional(),
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
  const keysOf = ({ tenantId, charges }: Pick<ConsumeRequest, "tenantId" | "charges">): string[] =>
    charges.map((charge) => keyOf(tenantId, charge));
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
      let answers: (ConsumeResult | undefined)[];
      try {
        answers = decodeReply(batch, encoded, reply);
      } catch (error) {
        return fail(error);
      }
      inFlight--;
      for (let i = 0; i < batch.length; i++) batch[i]?.resolve(answers[i] as ConsumeResult & undefined);
    }, fail);
  }

  // In equal parts: while the server decides one, this process prepares the next and reads the answers of the last.
  const batcher = createBatcher<Pending>({ send, maxItems: MAX_BATCH, schedule: setImmediate });

  /**
   * With nothing under way a request is sent at once. Otherwise it waits for the end of this turn of the event loop: more
   * requests will come from the sockets that are read in it.
   */
  function enqueue(tenantId: string, pending: Pending): void {
    const group = runner.isCluster ? tenantId : "";
    if (inFlight === 0 && !batcher.isOpen(group)) send([pending]);
    else batcher.add(group, pending);
  }

  /** A question that comes alone is one that somebody waits for: over one rule it goes the shortest way. */
  async function sendOne({ tenantId, cost }: ConsumeRequest, charge: Charge): Promise<ConsumeResult> {
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
    consume(take) {
      const lone = inFlight === 0 ? loneCharge(take) : undefined;
      if (lone !== undefined) return sendOne(take, lone);
      return new Promise((resolve, reject) => {
        enqueue(take.tenantId, { take, resolve, reject });
      });
    },
    refund: (give) =>
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
