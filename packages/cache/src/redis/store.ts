import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { isSubscriberLike, type SubscriberLike, createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { CacheStore, EntryAddress, Lease } from "../store.js";
import { boundedParts } from "./bounded-parts.js";
import { busChannel, createInvalidationBus } from "./bus/invalidation-bus.js";
import { encodeInvalidation } from "./bus/message.js";
import { entryKey, generationKey, keyBase } from "./keys.js";
import { claim, invalidate, release as releaseScript, renew } from "./lua/scripts.gen.js";
import { createFills } from "./read/batched-fills.js";
import { createReads } from "./read/batched-reads.js";

export interface RedisStoreOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. The store never connects or closes it. */
  readonly redis: RedisLike;
  /**
   * A second connection for subscriptions: `redis.duplicate()`, and on a Cluster a client of one node. The store never
   * closes it. Without it this process does not hear of invalidations by other processes, and by default it keeps nothing
   * in memory.
   */
  readonly subscriber?: SubscriberLike;
  /**
   * First part of every key and channel.
   * @default "scale:cache"
   */
  readonly prefix?: string;
  /**
   * Deadline for each reply of Redis, in milliseconds.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Lifetime of a lease in milliseconds: how long a process that dies while it loads keeps others waiting. A process that
   * lives renews its leases.
   * @default 2000
   */
  readonly leaseMs?: number;
  /** For tests: the clock of this process. Redis uses its own. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  subscriber: z.custom<SubscriberLike>(isSubscriberLike, "expected an ioredis or node-redis client").optional(),
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a string without braces")
    .default("scale:cache"),
  timeoutMs: timeoutOption(50),
  leaseMs: z.int().min(50).max(600_000).default(2000),
  clock: clockOption.default(systemClock),
});

/** How much longer generations and tags live than the entries that depend on them. */
const METADATA_TTL_MS = 3_600_000;

/**
 * Keeps entries in Redis 6 or newer, shared by all processes with the same server and prefix. All keys of a tenant lie in one
 * slot of a Cluster. Every key expires.
 */
export function redisStore(options: RedisStoreOptions): CacheStore {
  const parsed = parseOptions(optionsSchema, options, "redisStore");
  const { redis, subscriber, prefix, timeoutMs, leaseMs, clock } = parsed;
  const runner = createScriptRunner({ redis, timeoutMs });
  const newId = idSource();
  const channel = busChannel(prefix);
  const metadataTtl = String(METADATA_TTL_MS);
  const keysOf = ({ tenantId, key }: EntryAddress): [string, string] => {
    const base = keyBase(prefix, tenantId);
    return [generationKey(base), entryKey(base, key)];
  };
  const leaseKeys = (lease: Lease): string[] => keysOf(lease).slice(1);
  const release = async (lease: Lease): Promise<void> => {
    await runner.run(releaseScript, { keys: leaseKeys(lease), args: [lease.token] });
  };
  // A lease that cannot be released expires.
  const tryRelease = (lease: Lease): void => void release(lease).catch(() => undefined);
  const reads = createReads({
    ...{ runner, prefix, clock, leaseMs, metadataTtlMs: METADATA_TTL_MS, newId },
    release: tryRelease,
  });

  return {
    leaseMs,
    read: reads.read,
    readWithoutLease: reads.readWithoutLease,
    async claim(address, reason) {
      const token = newId();
      const version = reason.to === "write" ? String(reason.version ?? "") : "";
      const args = [token, String(leaseMs), metadataTtl, reason.to, version];
      const late = (reply: unknown): void => (reply === 1 ? tryRelease({ ...address, token }) : undefined);
      const reply = await runner.run(claim, { keys: keysOf(address), args, late });
      if (reply === 1) return { is: "leased", token };
      return { is: reply === 0 ? "busy" : "older" };
    },
    fillIn: createFills({ runner, prefix, metadataTtlMs: METADATA_TTL_MS, channel }),
    release,
    async renew(lease) {
      return (await runner.run(renew, { keys: leaseKeys(lease), args: [lease.token, String(leaseMs)] })) === 1;
    },
    async invalidate(what) {
      const base = keyBase(prefix, what.tenantId);
      for (const part of boundedParts(what)) {
        const keys = [generationKey(base), ...part.keys.map((key) => entryKey(base, key))];
        const args = [part.all ? newId() : "", metadataTtl, channel, encodeInvalidation(part), ...part.tags];
        await runner.run(invalidate, { keys, args });
      }
    },
    ...(subscriber !== undefined && {
      subscribe: createInvalidationBus({ runner, subscriber, prefix, clock }),
    }),
  };
}

/** Ids that no other process creates, of characters that the scripts do not use as separators. */
function idSource(): () => string {
  const base = randomBytes(12).toString("base64url");
  let next = 0;
  return () => base + (next++).toString(36);
}
