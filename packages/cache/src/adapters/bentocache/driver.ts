import { randomBytes } from "node:crypto";
import type { Duration } from "@scale/core";
import { parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike, type ScriptRunner } from "@scale/core/redis";
import { z } from "zod";
import { maxTtlOption } from "../adapter-definition.js";
import { keysOf } from "./keys.js";
import { forget, read, remove, take, write } from "./scripts.gen.js";

export interface BentocacheDriverOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. It stays yours: `disconnect` does not close it. */
  readonly redis: RedisLike;
  /**
   * First part of every key. The `prefix` of bentocache follows, as the hash tag.
   * @default "scale:bento"
   */
  readonly prefix?: string;
  /**
   * Milliseconds within which Redis must answer.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * How long an entry is kept that is stored for ever.
   * @default "30d"
   */
  readonly maxTtl?: Duration;
}

/**
 * The L2 driver of bentocache 1. Its methods reject with `SCALE_TIMEOUT` or `SCALE_STORE` when Redis does not answer
 * in time: bentocache ignores that when it has an L1, or with `suppressL2Errors`.
 */
export interface BentocacheDriver {
  readonly type: "l2";
  namespace(namespace: string): BentocacheDriver;
  get(key: string): Promise<string | undefined>;
  pull(key: string): Promise<string | undefined>;
  /** @param ttl milliseconds */
  set(key: string, value: string, ttl?: number): Promise<boolean>;
  /** Ends the namespace and those in it, in one round trip however many entries there are. */
  clear(): Promise<void>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean>;
  disconnect(): Promise<void>;
}

/** What `useL2Layer` takes. */
export interface BentocacheDriverResult {
  readonly options: Record<string, unknown>;
  factory(config: { readonly prefix?: string | undefined }): BentocacheDriver;
}

const schema = z.strictObject({
  redis: redisOption,
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a text without braces")
    .default("scale:bento"),
  timeoutMs: timeoutOption(50),
  maxTtl: maxTtlOption,
});

/** How much longer than entries their generations live. */
const LIFE_MS = 3_600_000;
/** Keys of one call. */
const TOGETHER = 500;

interface Setup {
  readonly runner: ScriptRunner;
  readonly prefix: string;
  readonly maxTtlMs: number;
  readonly storePrefix: string;
}

/**
 * Redis behind bentocache, with a deadline for every call, keys that cannot be taken for those of another namespace, and
 * `clear` without a scan. Redis 6 or newer.
 */
export function bentocacheDriver(options: BentocacheDriverOptions): BentocacheDriverResult {
  const { redis, prefix, timeoutMs, maxTtl: maxTtlMs } = parseOptions(schema, options, "bentocacheDriver");
  const runner = createScriptRunner({ redis, timeoutMs });
  return {
    options: {},
    factory: (config) => driverOf({ runner, prefix, maxTtlMs, storePrefix: config.prefix ?? "" }, []),
  };
}

function driverOf(setup: Setup, path: readonly string[]): BentocacheDriver {
  const { runner, maxTtlMs } = setup;
  const { generations, entry } = keysOf(setup.prefix, setup.storePrefix, path);
  const keysFor = (key: string): string[] => [entry(key), ...generations];

  async function removeAll(keys: readonly string[]): Promise<number> {
    let found = 0;
    for (let i = 0; i < keys.length; i += TOGETHER) {
      const entries = keys.slice(i, i + TOGETHER).map(entry);
      const call = { keys: [...generations, ...entries], args: [String(generations.length)] };
      found += Number(await runner.run(remove, call));
    }
    return found;
  }

  return {
    type: "l2",
    namespace: (name) => driverOf(setup, [...path, name]),
    get: async (key) => textOf(await runner.run(read, { keys: keysFor(key), args: [] })),
    pull: async (key) => textOf(await runner.run(take, { keys: keysFor(key), args: [] })),
    async set(key, value, ttl) {
      // As in the drivers of bentocache, 0 is none.
      const ttlMs = ttl === undefined || ttl === 0 ? maxTtlMs : Math.max(1, Math.ceil(Math.min(ttl, maxTtlMs)));
      const id = randomBytes(12).toString("base64url");
      await runner.run(write, { keys: keysFor(key), args: [id, String(ttlMs), String(LIFE_MS), value] });
      return true;
    },
    async clear() {
      await runner.run(forget, { keys: generations.slice(-1), args: [] });
    },
    delete: async (key) => (await removeAll([key])) > 0,
    deleteMany: async (keys) => (await removeAll(keys)) > 0,
    // The client is the application's.
    disconnect: () => Promise.resolve(),
  };
}

const textOf = (reply: unknown): string | undefined => (typeof reply === "string" ? reply : undefined);
