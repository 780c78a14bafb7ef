import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { CacheStore, Lease, EntryAddress } from "../store.js";
import { busChannel, createInvalidationBus } from "./bus/invalidation-bus.js";
import { createFills } from "./read/batched-fills.js";
import { entryKey, generationKey, keyBase } from "./keys.js";
import { encodeInvalidation } from "./bus/message.js";
import { createReads } from "./read/batched-reads.js";
import { serverClock } from "./read/server-clock.js";
import { claim, invalidate, release as releaseScript, renew } from "./lua/scripts.gen.js";
import { isSubscriberLike, type SubscriberLike } from "./bus/subscriber.js";

export interface RedisStoreOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. It stays yours: we never connect or close it. */
  readonly redis: RedisLike;
  /**
   * A connection for nothing but subscriptions: `redis.duplicate()`, and on a Cluster a client of one node. It stays
   * yours. Without it nobody tells this process what others invalidate, and by default it keeps nothing in memory.
   */
  readonly subscriber?: SubscriberLike;
  /**
   * First part of every key and channel.
   * @default "scale:cache"
   */
  readonly prefix?: string;
  /**
   * Milliseconds within which Redis must answer.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds after which others may load what a process that died was loading. One that lives renews its leases.
   * @default 2000
   */
  readonly leaseMs?: number;
  /** For tests: the time of what is measured in this process. Redis has a clock of its own. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  subscriber: z.custom<SubscriberLike>(isSubscriberLike, "expected an ioredis or node-redis client").optional(),
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a text without braces")
    .default("scale:cache"),
  timeoutMs: timeoutOption(50),
  leaseMs: z.int().min(50).max(600_000).default(2000),
  clock: clockOption.default(systemClock),
});

/** How much longer than entries what they depend on lives. */
const LIFE_MS = 3_600_000;

/**
 * Entries in Redis 6 or newer, shared by all processes with the same server and prefix. A tenant's keys lie in one slot of
 * a Cluster. Every key expires.
 */
export function redisStore(options: RedisStoreOptions): CacheStore {
  const parsed = parseOptions(optionsSchema, options, "redisStore");
  const { redis, subscriber, prefix, timeoutMs, leaseMs, clock } = parsed;
  const runner = createScriptRunner({ redis, timeoutMs });
  const newId = idSource();
  const sender = newId();
  const channel = busChannel(prefix);
  const life = String(LIFE_MS);
  const placeKeys = ({ tenantId, key }: EntryAddress): [string, string] => {
    const base = keyBase(prefix, tenantId);
    return [generationKey(base), entryKey(base, key)];
  };
  const leaseKey = (lease: Lease): string[] => placeKeys(lease).slice(1);
  const release = async (lease: Lease): Promise<void> => {
    await runner.run(releaseScript, { keys: leaseKey(lease), args: [lease.token] });
  };
  // What cannot be given back ends by itself.
  const giveBack = (lease: Lease): void => void release(lease).catch(() => undefined);
  const reads = createReads({
    ...{ runner, prefix, leaseMs, lifeMs: LIFE_MS, newId },
    serverClock: serverClock(clock),
    monotonic: () => clock.monotonic(),
    release: giveBack,
  });

  return {
    settlesWithinMs: timeoutMs,
    leaseMs,
    read: reads.read,
    readWithoutLease: reads.look,
    async claim(place, purpose) {
      const token = newId();
      const version = purpose.to === "write" ? String(purpose.version ?? "") : "";
      const args = [token, String(leaseMs), life, purpose.to, version];
      const late = (answer: unknown): void => (answer === 1 ? giveBack({ ...place, token }) : undefined);
      const answer = await runner.run(claim, { keys: placeKeys(place), args, late });
      if (answer === 1) return { is: "leased", token };
      return { is: answer === 0 ? "busy" : "older" };
    },
    fillIn: createFills({ runner, prefix, lifeMs: LIFE_MS, channel, sender }),
    release,
    async renew(lease) {
      return (await runner.run(renew, { keys: leaseKey(lease), args: [lease.token, String(leaseMs)] })) === 1;
    },
    async invalidate(what) {
      const base = keyBase(prefix, what.tenantId);
      const keys = [generationKey(base), ...what.keys.map((key) => entryKey(base, key))];
      const args = [what.all ? newId() : "", life, channel, encodeInvalidation(sender, what), ...what.tags];
      await runner.run(invalidate, { keys, args });
    },
    ...(subscriber !== undefined && {
      subscribe: createInvalidationBus({ runner, subscriber, prefix, sender, clock }),
    }),
  };
}

/** Ids that no other process gives, in the letters that scripts expect in them. */
function idSource(): () => string {
  const mine = randomBytes(12).toString("base64url");
  let next = 0;
  return () => mine + (next++).toString(36);
}
