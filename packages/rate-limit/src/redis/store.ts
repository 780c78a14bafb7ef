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
import {
  assertSendsOnce,
  createBatcher,
  createScriptRunner,
  type RedisLike,
  type ScriptRunner,
} from "@scale/core/redis";
import { z } from "zod";
import type { Charge, ConsumeRequest, ConsumeResult, LateResult, RateLimitStore } from "../types.js";
import { decodeLate, decodeReply, encodeBatch, type Keys, type Pending } from "./batch.js";
import { decodeGcraRequest, isGcraOnly } from "./gcra-reply.js";
import { gcraRequestArgs } from "./rule-args.js";
import { consumeGcraRequest, release, reset } from "./scripts.gen.js";

export interface RedisStoreOptions {
  /**
   * ioredis or node-redis client: single, Sentinel or Cluster. The application connects and closes it. ioredis needs
   * `maxRetriesPerRequest: 0`, and a Cluster of it `retryDelayOnFailover: 0`: by default they repeat commands after a broken
   * connection, which would charge twice.
   */
  readonly redis: RedisLike;
  /**
   * First part of every key. Limiters that share a server and a prefix need different names.
   * @default "scale:rl"
   */
  readonly prefix?: string;
  /**
   * Deadline of a call to Redis in milliseconds.
   * @default 50
   */
  readonly timeoutMs?: number;
  /** Clock that decides instead of the server's own, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  prefix: prefixOption("scale:rl"),
  timeoutMs: timeoutOption(50),
  clock: clockOption.optional(),
});

/** Bounds how long one script blocks the server. */
const MAX_BATCH = 32;

/**
 * Counts in Redis, exactly, for all processes that share the server and the prefix.
 * Concurrent requests are sent as one command, per tenant on a Cluster. The server's clock decides, so that processes with
 * wrong clocks agree.
 * @throws {ScaleError} SCALE_WIRING for a client that repeats commands after a broken connection
 */
export function redisStore(options: RedisStoreOptions): RateLimitStore {
  const { redis, prefix, timeoutMs, clock } = parseOptions(optionsSchema, options, "redisStore");
  assertSendsOnce(redis, "redisStore");
  const runner = createScriptRunner({ redis, timeoutMs });
  const keys = keyBuilder(prefix);
  const keysOf = ({ tenantId, charges }: Pick<ConsumeRequest, "tenantId" | "charges">): string[] =>
    charges.map((charge) => keys.of(tenantId, charge));
  const blocksOf = ({ tenantId, charges }: Pick<ConsumeRequest, "tenantId" | "charges">): string[] =>
    charges.filter(({ rule }) => rule.block !== undefined).map((charge) => keys.block(tenantId, charge));
  const sender = new Sender({ runner, keys, clock });

  return {
    settlesWithinMs: timeoutMs,
    blocks: true,
    consume(request, late) {
      if (sender.isIdle && isGcraOnly(request)) return sender.sendAlone(request, late);
      return new Promise((resolve, reject) => {
        sender.enqueue(request.tenantId, { consume: request, late, resolve, reject });
      });
    },
    refund: (request) =>
      new Promise((resolve, reject) => {
        sender.enqueue(request.tenantId, { refund: request, resolve, reject });
      }),
    async reset(request) {
      await runner.run(reset, { keys: [...keysOf(request), ...blocksOf(request)], args: [] });
    },
    async release(held) {
      await runner.run(release, { keys: keysOf(held), args: [held.slot] });
    },
  };
}

/** Sends requests: at once while nothing is in flight, otherwise in batches. */
class Sender {
  readonly #runner: ScriptRunner;
  readonly #keys: Keys;
  readonly #clock: Clock | undefined;
  // Batches of equal size: while the server decides one, this process encodes the next and decodes the last.
  readonly #batcher = createBatcher<Pending>({
    send: (batch) => this.#send(batch),
    maxItems: MAX_BATCH,
    schedule: setImmediate,
  });
  #inFlight = 0;

  constructor(parts: { readonly runner: ScriptRunner; readonly keys: Keys; readonly clock: Clock | undefined }) {
    this.#runner = parts.runner;
    this.#keys = parts.keys;
    this.#clock = parts.clock;
  }

  get isIdle(): boolean {
    return this.#inFlight === 0;
  }

  /**
   * Sends a request at once while nothing is in flight. Otherwise it waits for the end of this turn of the event loop,
   * because the sockets that are read in this turn will bring more requests.
   */
  enqueue(tenantId: string, pending: Pending): void {
    const group = this.#runner.isCluster ? tenantId : "";
    if (this.#inFlight === 0 && !this.#batcher.isOpen(group)) this.#send([pending]);
    else this.#batcher.add(group, pending);
  }

  /** Sends a request on which nothing else waits by the script with the shortest latency. */
  async sendAlone(request: ConsumeRequest, late: LateResult | undefined): Promise<ConsumeResult> {
    const keys: string[] = [];
    const args = [this.#now(), String(request.cost)];
    for (const charge of request.charges) {
      keys.push(this.#keys.of(request.tenantId, charge));
      args.push(...gcraRequestArgs(charge.rule));
    }
    const onLate = (reply: unknown): void => ignoreErrors(() => late?.(request, decodeGcraRequest(request, reply)));
    this.#inFlight++;
    try {
      return decodeGcraRequest(request, await this.#runner.run(consumeGcraRequest, { keys, args, late: onLate }));
    } finally {
      this.#inFlight--;
    }
  }

  #send(batch: readonly Pending[]): void {
    const encoded = encodeBatch(batch, this.#keys);
    const fail = (error: unknown): void => {
      // First: a caller that asks again on the rejection must find nothing in flight.
      this.#inFlight--;
      for (const { reject } of batch) reject(error);
    };
    this.#inFlight++;
    const late = (reply: unknown): void => ignoreErrors(() => decodeLate(batch, encoded, reply));
    this.#runner
      .run(encoded.script, { keys: encoded.keys, args: [this.#now(), ...encoded.args], late })
      .then((reply) => {
        let results: (ConsumeResult | undefined)[];
        try {
          results = decodeReply(batch, encoded, reply);
        } catch (error) {
          return fail(error);
        }
        this.#inFlight--;
        for (let i = 0; i < batch.length; i++) batch[i]?.resolve(results[i] as ConsumeResult & undefined);
      }, fail);
  }

  #now(): string {
    return this.#clock === undefined ? "" : String(this.#clock.now());
  }
}

/** Runs a function for a late reply. No caller waits for it any more, and a reply that does not fit has no result. */
function ignoreErrors(run: () => void): void {
  try {
    run();
  } catch {
    // Nothing was decided that could be taken back.
  }
}

function keyBuilder(prefix: string): Keys {
  // The same scope arrays come with every request, and joining one costs as much as the rest of a key.
  const scopes = new WeakMap<readonly string[], string>();

  function of(tenantId: string, { scope, subject }: Charge): string {
    let known = scopes.get(scope);
    if (known === undefined) scopes.set(scope, (known = joinKey(scope)));
    return `${tenantKeyPrefix(prefix, tenantId)}${known}:${keySegment(subject)}`;
  }

  return {
    of,
    // Names of limiters contain no such character, so that these never are the keys of counts.
    block: (tenantId, { scope, subject }) =>
      `${tenantKeyPrefix(prefix, tenantId)}${joinKey(["~block", ...scope, subject])}`,
    mark: (tenantId, id) => `${tenantKeyPrefix(prefix, tenantId)}${joinKey(["~mark", id])}`,
  };
}
