import { randomBytes } from "node:crypto";
import { ConfigError, type Duration } from "@scale/core";
import { parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike, type ScriptRunner } from "@scale/core/redis";
import { z } from "zod";
import { maxTtlOption } from "../adapter-definition.js";
import { keysOf } from "./keys.js";
import { clear, pull, read, remove, write } from "./scripts.gen.js";

export interface BentocacheDriverOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. `disconnect` does not close it. */
  readonly redis: RedisLike;
  /**
   * First part of every key. The `prefix` of bentocache follows as the hash tag.
   * @default "scale:bento"
   */
  readonly prefix?: string;
  /**
   * Deadline for each reply of Redis, in milliseconds.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Lifetime of an entry that is stored without a ttl, and upper bound of all others.
   * @default "30d"
   */
  readonly maxTtl?: Duration;
}

/**
 * The L2 driver of bentocache 1. Its methods reject with `SCALE_TIMEOUT` or `SCALE_STORE` if Redis does not answer in time.
 * bentocache ignores such an error if it has an L1, or with `suppressL2Errors`.
 */
export interface BentocacheDriver {
  readonly type: "l2";
  namespace(namespace: string): BentocacheDriver;
  get(key: string): Promise<string | undefined>;
  pull(key: string): Promise<string | undefined>;
  /**
   * A value that Redis writes after the deadline is deleted again.
   * @param ttl milliseconds
   */
  set(key: string, value: string, ttl?: number): Promise<boolean>;
  /** Clears the namespace and the namespaces in it, in one round trip, whatever the number of entries. */
  clear(): Promise<void>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean>;
  disconnect(): Promise<void>;
}

const schema = z.strictObject({
  redis: redisOption,
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a string without braces")
    .default("scale:bento"),
  timeoutMs: timeoutOption(50),
  maxTtl: maxTtlOption,
});

/** How much longer generations live than their entries. */
const METADATA_TTL_MS = 3_600_000;
/** Namespaces within each other. Each is a key of every command. */
const MAX_DEPTH = 16;
/** Entries that one call of the script deletes at most. */
const MAX_REMOVED = 500;

/**
 * Redis as the L2 of bentocache: a deadline for every call, keys of one namespace that never equal keys of another, and
 * `clear` without a scan. Redis 6 or newer.
 * @returns the argument of `useL2Layer`
 */
export function bentocacheDriver(options: BentocacheDriverOptions): {
  readonly options: Record<string, unknown>;
  factory(config: { readonly prefix?: string | undefined }): BentocacheDriver;
} {
  const { redis, prefix, timeoutMs, maxTtl: maxTtlMs } = parseOptions(schema, options, "bentocacheDriver");
  const runner = createScriptRunner({ redis, timeoutMs });
  return {
    options: {},
    factory: (config) => driverOf({ runner, prefix, maxTtlMs, storePrefix: config.prefix ?? "" }, []),
  };
}

function driverOf(
  options: {
    readonly runner: ScriptRunner;
    readonly prefix: string;
    readonly maxTtlMs: number;
    readonly storePrefix: string;
  },
  path: readonly string[],
): BentocacheDriver {
  const { runner, maxTtlMs } = options;
  const { generations, entry } = keysOf(options.prefix, options.storePrefix, path);
  const keysFor = (key: string): string[] => [entry(key), ...generations];

  async function removeAll(keys: readonly string[]): Promise<number> {
    let found = 0;
    for (let i = 0; i < keys.length; i += MAX_REMOVED) {
      const entries = keys.slice(i, i + MAX_REMOVED).map(entry);
      const call = { keys: [...generations, ...entries], args: [String(generations.length)] };
      found += Number(await runner.run(remove, call));
    }
    return found;
  }

  return {
    type: "l2",
    namespace(name) {
      if (path.length < MAX_DEPTH) return driverOf(options, [...path, name]);
      throw new ConfigError(`namespace: expected at most ${MAX_DEPTH} namespaces within each other, got one more`);
    },
    get: async (key) => textOf(await runner.run(read, { keys: keysFor(key), args: [] })),
    pull: async (key) => textOf(await runner.run(pull, { keys: keysFor(key), args: [] })),
    async set(key, value, ttl) {
      // 0 means no ttl, as in the drivers of bentocache.
      const ttlMs = ttl === undefined || ttl === 0 ? maxTtlMs : Math.max(1, Math.ceil(Math.min(ttl, maxTtlMs)));
      const id = randomBytes(12).toString("base64url");
      const args = [id, String(ttlMs), String(METADATA_TTL_MS), value];
      // The caller was told that it failed, and may have written another value since, which this one has replaced.
      const late = (): void => void removeAll([key]).catch(() => undefined);
      await runner.run(write, { keys: keysFor(key), args, late });
      return true;
    },
    async clear() {
      await runner.run(clear, { keys: generations.slice(-1), args: [] });
    },
    delete: async (key) => (await removeAll([key])) > 0,
    deleteMany: async (keys) => (await removeAll(keys)) > 0,
    // The client belongs to the application, which closes it.
    disconnect: () => Promise.resolve(),
  };
}

const textOf = (reply: unknown): string | undefined => (typeof reply === "string" ? reply : undefined);
